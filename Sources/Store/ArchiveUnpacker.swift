package import ArchiveStream

/// Who unpacks archives where they can do no harm; the store itself never looks into one.
package protocol ArchiveUnpacker: Sendable {
  /// Hands `archive` to an unpacker of its own.
  ///
  /// - Throws: what hinders the host. Nothing is left then.
  func begin(_ archive: [UInt8], limits: ArchiveLimits) async throws(UnpackerUnavailable) -> any UnpackerSession
}

/// One archive in the hands of an unpacker.
package protocol UnpackerSession: Sendable {
  /// The next bytes of what the unpacker says (``ArchiveStream``), none at its end. Waits: never call it on the cooperative pool.
  func read() throws(UnpackerFailed) -> [UInt8]

  /// Ends the unpacker, whatever it does, and returns when nothing of it is left. To be called exactly once.
  ///
  /// - Returns: what befell the host, and may have ended the unpacker before its time.
  func end() async -> UnpackerUnavailable?
}

/// The host could not make an unpacker.
package struct UnpackerUnavailable: Error, Sendable, Hashable, CustomStringConvertible {
  package var description: String
  package init(_ description: String) { self.description = description }
}

/// The unpacker did not come to an end of its own.
package enum UnpackerFailed: Error, Sendable, Hashable {
  /// As far as anybody can tell.
  case byArchive(String)
  /// It was never there, or could not be listened to.
  case byHost(UnpackerUnavailable)
}
