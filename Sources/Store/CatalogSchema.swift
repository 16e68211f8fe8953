import GRDB

/// The schema of `roost.sqlite`.
///
/// A function's configuration is one JSON document: it is read and written whole and never searched by member. What has to be found,
/// ordered or kept unique has a column. A released migration is never edited; a change of schema or of the documents is a new one.
enum CatalogSchema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("catalog-1") { database in
      try database.execute(
        sql: """
          CREATE TABLE function (
            account TEXT NOT NULL,
            region TEXT NOT NULL,
            name TEXT NOT NULL,
            -- changes with code and configuration, not with state
            revision TEXT NOT NULL,
            configuration TEXT NOT NULL,
            PRIMARY KEY (account, region, name)
          ) STRICT, WITHOUT ROWID;

          CREATE TABLE layerVersion (
            account TEXT NOT NULL,
            region TEXT NOT NULL,
            name TEXT NOT NULL,
            version INTEGER NOT NULL,
            digest TEXT NOT NULL,
            document TEXT NOT NULL,
            PRIMARY KEY (account, region, name, version)
          ) STRICT, WITHOUT ROWID;

          -- Outlives the versions it numbered, so that no number is given twice.
          CREATE TABLE layerNumber (
            account TEXT NOT NULL,
            region TEXT NOT NULL,
            name TEXT NOT NULL,
            last INTEGER NOT NULL,
            PRIMARY KEY (account, region, name)
          ) STRICT, WITHOUT ROWID;

          CREATE TABLE userIDLease (
            userID INTEGER PRIMARY KEY,
            environment TEXT NOT NULL,
            -- milliseconds since 1970
            leased INTEGER NOT NULL
          ) STRICT;
          """)
    }
    // Functions have a log format: until now it was text.
    migrator.registerMigration("catalog-2") { database in
      try database.execute(sql: #"UPDATE function SET configuration = json_set(configuration, '$.logFormat', json('{"text":{}}'))"#)
    }
    migrator.registerMigration("catalog-3") { database in
      try database.execute(
        sql: """
          UPDATE function SET configuration = json_set(configuration, '$.version', '$LATEST');
          -- The last number given, which is not given again, and the revision of $LATEST that was published under it.
          ALTER TABLE function ADD COLUMN lastVersion INTEGER NOT NULL DEFAULT 0;
          ALTER TABLE function ADD COLUMN publishedRevision TEXT;

          CREATE TABLE functionVersion (
            account TEXT NOT NULL,
            region TEXT NOT NULL,
            name TEXT NOT NULL,
            version INTEGER NOT NULL,
            revision TEXT NOT NULL,
            configuration TEXT NOT NULL,
            PRIMARY KEY (account, region, name, version)
          ) STRICT, WITHOUT ROWID;

          CREATE TABLE alias (
            account TEXT NOT NULL,
            region TEXT NOT NULL,
            function TEXT NOT NULL,
            name TEXT NOT NULL,
            document TEXT NOT NULL,
            PRIMARY KEY (account, region, function, name)
          ) STRICT, WITHOUT ROWID;

          CREATE TABLE functionSetting (
            account TEXT NOT NULL,
            region TEXT NOT NULL,
            function TEXT NOT NULL,
            -- a version or an alias; empty for the function
            qualifier TEXT NOT NULL,
            kind TEXT NOT NULL,
            document TEXT NOT NULL,
            PRIMARY KEY (account, region, function, qualifier, kind)
          ) STRICT, WITHOUT ROWID;

          CREATE TABLE event (
            requestID TEXT NOT NULL UNIQUE,
            account TEXT NOT NULL,
            region TEXT NOT NULL,
            function TEXT NOT NULL,
            qualifier TEXT,
            payload BLOB NOT NULL,
            clientContext TEXT,
            traceID TEXT NOT NULL,
            -- milliseconds since 1970, as is due
            accepted INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            due INTEGER NOT NULL
          ) STRICT;

          CREATE TABLE delivery (
            id TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            target TEXT NOT NULL,
            account TEXT NOT NULL,
            region TEXT NOT NULL,
            function TEXT NOT NULL,
            functionARN TEXT NOT NULL,
            requestID TEXT NOT NULL,
            role TEXT NOT NULL,
            body BLOB NOT NULL,
            errorMessage TEXT NOT NULL,
            -- milliseconds since 1970, as is due
            made INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            due INTEGER NOT NULL
          ) STRICT;

          CREATE INDEX deliveryDue ON delivery (due);
          CREATE INDEX eventDue ON event (account, region, function, due);
          """)
    }
    return migrator
  }
}
