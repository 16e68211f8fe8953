package import LinuxSystem

/// A conversation with a program in a sandbox, from the accepting of its connection on: something is sent, and it answers as long as it
/// likes. It may do so at the same time, too slowly, or not at all; nobody waits for it longer than `patience`, all in all. What the answer's
/// reader does in between is not counted.
///
/// Every call may wait: it belongs on a thread of its own.
package struct Exchange: ~Copyable, Sendable {
  /// Why there is no answer, or no more of it.
  package enum Fault: Error, Sendable, Hashable, CustomStringConvertible {
    case vanished
    case tooSlow
    /// There is no such program, or it is none.
    case notStarted(errno: Int32)
    case system(SystemError)

    package var description: String {
      switch self {
      case .vanished: "ended without a word"
      case .tooSlow: "took too long"
      case .notStarted(let errno): "could not be started (errno \(errno))"
      case .system(let error): "could not be listened to: \(error)"
      }
    }
  }

  private enum Token: UInt64 {
    case peer = 1
    case end = 2
  }

  private let listener: Descriptor
  /// Raised when no connection will come any more.
  private let end: Descriptor
  private let poller: Poller
  private let outgoing: [UInt8]
  private var connection: Connection?
  private var patience: Duration
  private var hasEnded = false

  /// - Parameters:
  ///   - listener: where it will connect; non-blocking. One connection is accepted.
  ///   - end: an event counter, raised when the program has ended.
  package static func begin(
    listener: consuming Descriptor, end: consuming Descriptor, sending outgoing: [UInt8], patience: Duration
  ) throws(SystemError) -> Exchange {
    let poller = try Poller()
    try poller.add(listener.rawValue, for: .readable, token: Token.peer.rawValue)
    try poller.add(end.rawValue, for: .readable, token: Token.end.rawValue)
    return Exchange(listener: listener, end: end, poller: poller, outgoing: outgoing, patience: patience)
  }

  private init(listener: consuming Descriptor, end: consuming Descriptor, poller: consuming Poller, outgoing: [UInt8], patience: Duration) {
    self.listener = listener
    self.end = end
    self.poller = poller
    self.outgoing = outgoing
    self.patience = patience
  }

  /// The next bytes of the answer; none at its end.
  package mutating func read() throws(Fault) -> [UInt8] {
    while true {
      let bytes: [UInt8]?
      do throws(SystemError) { bytes = try advance() } catch { throw .system(error) }
      if let bytes { return bytes }
      if hasEnded && !isConnected { throw .vanished }
      guard patience > .zero else { throw .tooSlow }
      do throws(SystemError) { try wait() } catch { throw .system(error) }
    }
  }

  /// Whether the program has connected.
  private var isConnected: Bool {
    switch connection {
    case .some: true
    case nil: false
    }
  }

  /// What can be done without waiting.
  private mutating func advance() throws(SystemError) -> [UInt8]? {
    if isConnected { return try connection?.advance(sending: outgoing, poller) }
    guard let socket = try StreamSocket.accept(from: listener) else { return nil }
    try poller.remove(listener.rawValue)
    try poller.add(socket.rawValue, for: [.readable, .writable], token: Token.peer.rawValue)
    connection = Connection(socket: socket)
    return nil
  }

  private struct Connection: ~Copyable {
    private static let pieceLength = 1 << 18
    private static let sliceLength = 1 << 20

    let socket: Descriptor
    var sent = 0

    init(socket: consuming Descriptor) { self.socket = socket }

    mutating func advance(sending outgoing: [UInt8], _ poller: borrowing Poller) throws(SystemError) -> [UInt8]? {
      if let bytes = try StreamSocket.receive(from: socket, limit: Self.pieceLength) { return bytes }
      guard sent < outgoing.count else { return nil }
      do throws(SystemError) {
        sent += try StreamSocket.send(outgoing[sent..<min(outgoing.count, sent + Self.sliceLength)], over: socket) ?? 0
      } catch {
        // It does not listen any more; what it says is still to be read, and be it the end.
        sent = outgoing.count
      }
      if sent == outgoing.count { try poller.modify(socket.rawValue, for: .readable, token: Token.peer.rawValue) }
      return nil
    }
  }

  private mutating func wait() throws(SystemError) {
    let began = ContinuousClock.now
    for event in try poller.wait(timeout: patience) where event.token == Token.end.rawValue {
      // Told once; what it said before its end is still to be read.
      hasEnded = true
      try poller.remove(end.rawValue)
    }
    patience -= ContinuousClock.now - began
  }
}
