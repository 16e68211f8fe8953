package import ArchiveStream
import FunctionModel
package import Logging
package import Sandboxing
package import Store

/// Gives every archive to a program in a sandbox of its own, under a host uid of its own.
package struct SandboxedUnpacker: ArchiveUnpacker {
  private let spawner: SandboxSpawner
  private let catalog: Catalog
  private let userIDs: ClosedRange<UInt32>
  private let logger: Logger

  package init(spawner: SandboxSpawner, catalog: Catalog, userIDs: ClosedRange<UInt32>, logger: Logger) {
    self.spawner = spawner
    self.catalog = catalog
    self.userIDs = userIDs
    self.logger = logger
  }

  package func begin(_ archive: [UInt8], limits: ArchiveLimits) async throws(UnpackerUnavailable) -> any UnpackerSession {
    var identifiers = IdentifierSource()
    let userID: UInt32
    do throws(CatalogError) { userID = try await catalog.leaseUserID(for: "unpacker \(identifiers.uuid())", from: userIDs) } catch {
      throw UnpackerUnavailable("\(error)")
    }
    do {
      let order = ArchiveOrder(archiveBytes: archive.count, limits: limits).encoded + archive
      let sandbox = try await UnpackerSandbox.start(order: order, hostUserID: userID, spawner: spawner, logger: logger)
      return Session(sandbox: sandbox, userID: userID, unpacker: self)
    } catch {
      await giveBack(userID)
      throw UnpackerUnavailable("\(error)")
    }
  }

  private struct Session: UnpackerSession {
    let sandbox: UnpackerSandbox
    let userID: UInt32
    let unpacker: SandboxedUnpacker

    func read() throws(UnpackerFailed) -> [UInt8] {
      do throws(Exchange.Fault) { return try sandbox.read() } catch {
        switch error {
        case .vanished, .tooSlow: throw .byArchive("its unpacker \(error)")
        case .notStarted, .system: throw .byHost(UnpackerUnavailable("it \(error)"))
        }
      }
    }

    func end() async -> UnpackerUnavailable? {
      let isOrderly = await sandbox.end()
      await unpacker.giveBack(userID)
      // With roostd every sandbox ends, a moment before anybody here hears of it.
      return isOrderly ? nil : UnpackerUnavailable("it ended with roostd")
    }
  }

  private func giveBack(_ userID: UInt32) async {
    do throws(CatalogError) { try await catalog.releaseUserID(userID) } catch {
      // It stays leased until the next start, which takes all back.
      logger.error("uid \(userID) could not be given back: \(error)")
    }
  }
}
