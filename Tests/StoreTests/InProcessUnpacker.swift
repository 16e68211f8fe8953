import ArchiveStream
import Synchronization
import Unpacking

@testable import Store

/// Unpacks where it is called: what the store is told is what roost-unpack tells, without the sandbox around it.
struct InProcessUnpacker: ArchiveUnpacker {
  func begin(_ archive: [UInt8], limits: ArchiveLimits) async throws(UnpackerUnavailable) -> any UnpackerSession {
    ScriptedSession(InProcessUnpacker.answer(to: archive, limits: limits))
  }

  static func answer(to archive: [UInt8], limits: ArchiveLimits) -> [UInt8] {
    var bytes: [UInt8] = []
    do throws(ArchiveRefusal) {
      try Unpacking.unpack(archive, limits: limits) { (record) throws(ArchiveRefusal) in record.encode(into: &bytes) }
    } catch { ArchiveRecord.refusal(error).encode(into: &bytes) }
    return bytes
  }
}

/// An unpacker that says what it is told to say, whatever the archive: one that has been taken over.
struct ScriptedUnpacker: ArchiveUnpacker {
  var pieces: [[UInt8]] = []
  /// What follows when the pieces are used up, again and again.
  var endless: [UInt8]?
  var failure: UnpackerFailed?
  /// What its end tells of the host.
  var misfortune: UnpackerUnavailable?

  func begin(_ archive: [UInt8], limits: ArchiveLimits) async throws(UnpackerUnavailable) -> any UnpackerSession {
    ScriptedSession(pieces, endless: endless, failure: failure, misfortune: misfortune)
  }
}

/// No unpacker at all.
struct AbsentUnpacker: ArchiveUnpacker {
  func begin(_ archive: [UInt8], limits: ArchiveLimits) async throws(UnpackerUnavailable) -> any UnpackerSession {
    throw UnpackerUnavailable("no sandbox")
  }
}

final class ScriptedSession: UnpackerSession {
  private let pieces: Mutex<[[UInt8]]>
  private let endless: [UInt8]?
  private let failure: UnpackerFailed?
  private let misfortune: UnpackerUnavailable?
  let ends = Atomic(0)

  init(_ bytes: [UInt8]) {
    pieces = Mutex([bytes])
    endless = nil
    failure = nil
    misfortune = nil
  }

  init(_ pieces: [[UInt8]], endless: [UInt8]? = nil, failure: UnpackerFailed? = nil, misfortune: UnpackerUnavailable? = nil) {
    self.pieces = Mutex(pieces)
    self.endless = endless
    self.failure = failure
    self.misfortune = misfortune
  }

  func read() throws(UnpackerFailed) -> [UInt8] {
    if let piece = pieces.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return piece }
    if let failure { throw failure }
    return endless ?? []
  }

  func end() async -> UnpackerUnavailable? {
    ends.add(1, ordering: .relaxed)
    return misfortune
  }
}

extension ArtifactStore {
  convenience init(directory: String, limits: ArchiveLimits = .lambda) throws(StoreError) {
    try self.init(directory: directory, unpacker: InProcessUnpacker(), limits: limits)
  }
}

extension ArchiveRecord {
  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    encode(into: &bytes)
    return bytes
  }
}

/// Unpacks `zip` into `folder` as the store does.
func unpack(_ zip: [UInt8], into folder: borrowing Folder, limits: ArchiveLimits) throws(ArtifactError) {
  try write(InProcessUnpacker.answer(to: zip, limits: limits), into: folder, limits: limits)
}

/// Writes what an unpacker said into `folder` as the store does.
func write(_ answer: [UInt8], into folder: borrowing Folder, limits: ArchiveLimits) throws(ArtifactError) {
  try ArtifactStore.fill(folder, from: ScriptedSession(answer), limits: limits)
}
