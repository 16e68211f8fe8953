package import LinuxSystem
package import SpawnProtocol

/// roostd's end of the socket to the supervisor: requests in, events with their descriptors out.
///
/// Never waits: what the supervisor does not take at once is kept in order until it does. It is not trusted with roostd's memory or time:
/// one that does not read its answers is ended, and one that never stops asking is heard in turn with everything else.
package final class SupervisorLink {
  package enum Incoming {
    case request(SpawnRequest)
    /// The supervisor is gone, or speaks what no supervisor says.
    case end(reason: String)
  }

  private final class Outgoing {
    let bytes: [UInt8]
    let descriptors: DescriptorList
    init(_ bytes: [UInt8], _ descriptors: consuming DescriptorList) {
      self.bytes = bytes
      self.descriptors = descriptors
    }
  }

  /// Far more than a supervisor that reads at all can have coming.
  package static let unreadLimit = 4096
  /// Requests taken at a time.
  package static let turn = 64

  /// Until ``close()``.
  private var socket: Descriptor?
  private let loop: EventLoop
  private let receive: (Incoming) -> Void
  /// What waits for the supervisor to read: first `leaving`, whose next is its last, then `outgoing` in order.
  private var leaving: [Outgoing] = []
  private var outgoing: [Outgoing] = []
  private var readWatch: EventLoop.Token?
  private var writeRetry: EventLoop.Token?

  /// Calls `receive` for each request, and once at the end.
  package init(
    socket: consuming Descriptor, loop: EventLoop, receive: @escaping (Incoming) -> Void
  ) throws(SystemError) {
    let number = socket.rawValue
    self.socket = consume socket
    self.loop = loop
    self.receive = receive
    readWatch = try loop.watch(number) { [weak self] in self?.read() }
  }

  deinit { close() }

  /// Stops reading and writing. The socket closes elsewhere: what the supervisor has sent and nobody has read closes with it.
  package func close() {
    for token in [readWatch, writeRetry] { if let token { loop.cancel(token) } }
    readWatch = nil
    writeRetry = nil
    leaving = []
    outgoing = []
    if let socket = socket.take() { ClosingThread.close(DescriptorList(owning: [socket.release()])) }
  }

  package func send(_ event: SpawnEvent, descriptors: consuming DescriptorList = DescriptorList()) {
    guard readWatch != nil else { return }
    guard leaving.count + outgoing.count < Self.unreadLimit else { return end("does not read its answers") }
    outgoing.append(Outgoing(event.encoded(), descriptors))
    flush()
  }

  private func flush() {
    do {
      while let next = nextToLeave() {
        guard try send(next) else { return retry() }
        leaving.removeLast()
      }
    } catch {
      end("cannot be written to: \(error)")
    }
  }

  private func send(_ next: Outgoing) throws(SystemError) -> Bool {
    switch socket {
    case .some(let socket): try PacketSocket.send(next.bytes, descriptors: next.descriptors.rawValues, over: socket)
    case nil: false
    }
  }

  private func nextToLeave() -> Outgoing? {
    if leaving.isEmpty {
      leaving = outgoing.reversed()
      outgoing = []
    }
    return leaving.last
  }

  /// A packet socket is writable, to epoll, long before it takes a packet, so a watch would spin.
  private func retry() {
    guard writeRetry == nil else { return }
    writeRetry = loop.after(.milliseconds(2)) { [weak self] in
      self?.writeRetry = nil
      self?.flush()
    }
  }

  /// What is left after a turn makes the loop call again.
  private func read() {
    do {
      for _ in 0..<Self.turn {
        guard readWatch != nil, let packet = try nextPacket() else { return }
        if packet.isEnd { return end("is gone") }
        receive(.request(try SpawnRequest(decoding: packet.bytes)))
      }
    } catch {
      end("sent what cannot be understood: \(error)")
    }
  }

  /// Without descriptors. On a kernel that lets them through they are closed where nobody waits for it, and their packet is the last.
  private func nextPacket() throws(SystemError) -> Packet? {
    switch socket {
    case .some(let socket):
      try PacketSocket.receive(
        from: socket, limit: SpawnProtocol.maximumPacket, maximumDescriptors: 0, discard: { ClosingThread.close($0) })
    case nil: nil
    }
  }

  private func end(_ reason: String) {
    guard readWatch != nil else { return }
    close()
    receive(.end(reason: reason))
  }
}
