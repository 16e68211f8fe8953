/// What the host remembers, on disk: the *catalog* (functions, layers, user-id leases), the *journal* (invocations, environments,
/// log lines) and the *artefacts* (uploaded zips and their unpacked trees).
///
/// Two durability classes live in two SQLite files. `roost.sqlite` is written with `synchronous=FULL`: what ``Catalog`` acknowledged
/// survives a power cut. `journal.sqlite` is written with `synchronous=NORMAL` in batches of at most 50 ms: what a `kill -9` takes is
/// the batch in memory; what a power cut takes goes back to the last checkpoint, made every second while there are writes.
///
/// Nothing here blocks the cooperative pool: SQLite runs on GRDB's queues, files on ``BlockingWork``'s.

/// An operation on the store's files that did not succeed: what was tried, on what, and what SQLite or the kernel answered.
package struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
  /// As in `insert function thumbnail`, or the name of a system call.
  package var operation: String
  /// The file.
  package var object: String
  /// As in `SQLITE_FULL: database or disk is full` or `ENOSPC (No space left on device)`.
  package var answer: String
  /// The disk, or the share of it that is allowed, is full: it may succeed once there is space.
  package var isOutOfSpace: Bool

  package init(operation: String, object: String, answer: String, isOutOfSpace: Bool = false) {
    self.operation = operation
    self.object = object
    self.answer = answer
    self.isOutOfSpace = isOutOfSpace
  }

  package var description: String { "\(operation) on \(object): \(answer)" }
}
