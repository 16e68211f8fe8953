import ArchiveStream
import LinuxSystem
import Unpacking

/// The connection to the supervisor, over the one address that a sandbox reaches.
struct SupervisorConnection: ~Copyable {
  private static let address: (UInt8, UInt8, UInt8, UInt8) = (169, 254, 100, 1)
  private static let port: UInt16 = 9001
  private static let pieceLength = 1 << 18

  private let socket: Descriptor
  private var outgoing: [UInt8] = []

  /// The other side ended, or is not one.
  struct Unusable: Error {}

  init() throws(SystemError) {
    socket = try StreamSocket.connect(to: Self.address, port: Self.port)
  }

  func readOrder() throws -> ArchiveOrder {
    guard let order = ArchiveOrder(decoding: try read(count: ArchiveOrder.length)) else { throw Unusable() }
    return order
  }

  func read(count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
      let piece = try StreamSocket.receive(from: socket, limit: min(Self.pieceLength, count - bytes.count)) ?? []
      guard !piece.isEmpty else { throw Unusable() }
      bytes += piece
    }
    return bytes
  }

  /// Tells what is in the archive, or why it is not told.
  mutating func answer(_ order: ArchiveOrder, _ archive: [UInt8]) throws {
    var failure: SystemError?
    do throws(ArchiveRefusal) {
      try Unpacking.unpack(archive, limits: order.limits) { (record) throws(ArchiveRefusal) in
        record.encode(into: &outgoing)
        // The supervisor went: any refusal will do, there is nobody to read it.
        do throws(SystemError) { try flush(above: Self.pieceLength) } catch {
          failure = error
          throw .empty
        }
      }
    } catch {
      ArchiveRecord.refusal(error).encode(into: &outgoing)
    }
    if let failure { throw failure }
    try flush(above: 0)
  }

  private mutating func flush(above limit: Int) throws(SystemError) {
    guard outgoing.count > limit else { return }
    var rest = outgoing[...]
    while !rest.isEmpty { rest = rest.dropFirst(try socket.write(rest) ?? 0) }
    outgoing.removeAll(keepingCapacity: true)
  }
}
