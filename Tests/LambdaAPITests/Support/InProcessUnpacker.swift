import ArchiveStream
import Store
import Synchronization
import Unpacking

/// Unpacks where it is called, without a sandbox.
struct InProcessUnpacker: ArchiveUnpacker {
  func begin(_ archive: [UInt8], limits: ArchiveLimits) async throws(UnpackerUnavailable) -> any UnpackerSession {
    var bytes: [UInt8] = []
    do throws(ArchiveRefusal) {
      try Unpacking.unpack(archive, limits: limits) { (record) throws(ArchiveRefusal) in record.encode(into: &bytes) }
    } catch { ArchiveRecord.refusal(error).encode(into: &bytes) }
    return Session(answer: bytes)
  }

  private final class Session: UnpackerSession {
    private let answer: Mutex<[UInt8]>

    init(answer: [UInt8]) { self.answer = Mutex(answer) }

    func read() throws(UnpackerFailed) -> [UInt8] {
      answer.withLock { answer in
        defer { answer = [] }
        return answer
      }
    }

    func end() async -> UnpackerUnavailable? { nil }
  }
}
