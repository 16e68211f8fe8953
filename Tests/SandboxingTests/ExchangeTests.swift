import Glibc
import LinuxSystem
import Testing

@testable import Sandboxing

/// Programs that answer as one would wish, and others.
@Suite struct ExchangeTests {
  @Test func `what is sent arrives, and the answer to its end`() throws {
    let sent = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    var exchange = try Peer.exchange(sending: sent) { socket in
      let got = Peer.read(socket, count: sent.count)
      Peer.write(socket, got)
    }
    #expect(try exchange.readAll() == sent)
    #expect(try exchange.read().isEmpty)
  }

  @Test func `who answers without listening is heard`() throws {
    var exchange = try Peer.exchange(sending: [UInt8](repeating: 1, count: 20_000_000)) { socket in
      Peer.write(socket, Array("enough".utf8))
    }
    // It closed with something of ours unread: the answer may be lost with that, but the end is an end.
    #expect(try [[], Array("enough".utf8)].contains(exchange.readAll()))
  }

  @Test func `who talks while it is being sent to does not block`() throws {
    let much = [UInt8](repeating: 2, count: 8_000_000)
    var exchange = try Peer.exchange(sending: much) { socket in
      // Neither side reads before it has written more than sockets hold.
      Peer.write(socket, much)
      _ = Peer.read(socket, count: much.count)
    }
    #expect(try exchange.readAll() == much)
  }

  @Test func `who never comes is waited for as long as patience lasts`() throws {
    var exchange = try Peer.exchange(sending: [1], patience: .milliseconds(50), peer: nil)
    #expect(throws: Exchange.Fault.tooSlow) { try exchange.read() }
  }

  @Test func `who comes and stays silent is waited for as long as patience lasts`() throws {
    let stop = try Descriptor.eventCounter()
    let stopped = try stop.duplicate()
    var exchange = try Peer.exchange(sending: [1], patience: .milliseconds(50)) { _ in Peer.await(stopped) }
    #expect(throws: Exchange.Fault.tooSlow) { try exchange.read() }
    try stop.raiseEvent()
  }

  @Test func `patience is for all of it: a byte now and then does not renew it`() throws {
    var exchange = try Peer.exchange(sending: [1], patience: .milliseconds(200)) { socket in
      while Peer.write(socket, [0]) { usleep(1_000) }
    }
    var count = 0
    #expect(throws: Exchange.Fault.tooSlow) {
      while try !exchange.read().isEmpty { count += 1 }
    }
    #expect(count > 0)
  }

  @Test func `who ends without having come is not waited for`() throws {
    let end = try Descriptor.eventCounter()
    try end.raiseEvent()
    var exchange = try Peer.exchange(sending: [1], patience: .seconds(60), end: end, peer: nil)
    #expect(throws: Exchange.Fault.vanished) { try exchange.read() }
  }

  @Test func `what was said before the end is heard after it`() throws {
    let end = try Descriptor.eventCounter()
    let raised = try end.duplicate()
    var exchange = try Peer.exchange(sending: [], end: end) { socket in
      Peer.write(socket, [1, 2, 3])
      try? raised.raiseEvent()  // a counter at its end is raised
    }
    #expect(try exchange.readAll() == [1, 2, 3])
  }
}

extension Exchange {
  fileprivate mutating func readAll() throws(Fault) -> [UInt8] {
    var all: [UInt8] = []
    while true {
      let bytes = try read()
      if bytes.isEmpty { return all }
      all += bytes
    }
  }
}

/// The other side, on a thread of its own, over the host's loopback.
private enum Peer {
  static func exchange(
    sending outgoing: [UInt8], patience: Duration = .seconds(60), end: consuming Descriptor? = nil,
    peer: (@Sendable (CInt) -> Void)?
  ) throws -> Exchange {
    let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        precondition(bind(listener, address, length) == 0 && listen(listener, 4) == 0 && getsockname(listener, address, &length) == 0)
      }
    }
    if let peer {
      let port = UInt16(bigEndian: address.sin_port)
      PeerThread { [port] in
        guard let connection = try? StreamSocket.connect(to: (127, 0, 0, 1), port: port) else { return }
        peer(connection.rawValue)
      }.start()
    }
    return try Exchange.begin(
      listener: Descriptor(owning: listener), end: try end ?? Descriptor.eventCounter(), sending: outgoing, patience: patience)
  }

  /// Whether all went out.
  @discardableResult
  static func write(_ socket: CInt, _ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { send(socket, $0.baseAddress! + sent, $0.count - sent, CInt(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  static func read(_ socket: CInt, count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var got = 0
    while got < count {
      let piece = bytes.withUnsafeMutableBytes { recv(socket, $0.baseAddress! + got, $0.count - got, 0) }
      guard piece > 0 else { break }
      got += piece
    }
    return Array(bytes.prefix(got))
  }

  static func await(_ counter: borrowing Descriptor) {
    var wait = pollfd(fd: counter.rawValue, events: Int16(POLLIN), revents: 0)
    _ = poll(&wait, 1, 60_000)
  }
}

private final class PeerThread: Sendable {
  private let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  func start() {
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      {
        Unmanaged<PeerThread>.fromOpaque($0!).takeRetainedValue().body()
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    pthread_detach(thread)
  }
}
