import Glibc

import CLinux

/// One packet as it came from a ``PacketSocket``, with the descriptors beside it.
package struct Packet: ~Copyable, Sendable {
  package let bytes: [UInt8]
  /// Owned by the packet, which closes them unless they are taken.
  package private(set) var descriptors: [CInt]
  /// The other end is closed and everything it had sent has been read.
  package let isEnd: Bool

  init(bytes: [UInt8], descriptors: [CInt], isEnd: Bool = false) {
    self.bytes = bytes
    self.descriptors = descriptors
    self.isEnd = isEnd
  }

  deinit {
    for number in descriptors { _ = Glibc.close(number) }
  }

  /// Gives the descriptors, in the order they were sent, to the caller, who must close them.
  package mutating func takeDescriptors() -> [CInt] {
    defer { descriptors = [] }
    return descriptors
  }

  /// The first descriptor that has not been taken yet; `nil` when there is none.
  package mutating func takeFirstDescriptor() -> Descriptor? {
    descriptors.isEmpty ? nil : Descriptor(owning: descriptors.removeFirst())
  }
}

/// Unix sockets that keep packet borders and pass descriptors: `SOCK_SEQPACKET` with `SCM_RIGHTS`, see unix(7).
package enum PacketSocket {
  /// socketpair(2). The ends are of the blocking kind, for programs that want it; the calls here never wait.
  package static func pair() throws(SystemError) -> DescriptorPair {
    var ends: [CInt] = [-1, -1]
    try checked(unsafe clinux_seqpacket_pair(&ends), "socketpair", "")
    return DescriptorPair(first: Descriptor(owning: ends[0]), second: Descriptor(owning: ends[1]))
  }

  /// Has the kernel refuse every packet with descriptors that is sent to this end. SO_PASSRIGHTS, since Linux 6.16.
  ///
  /// A descriptor that is discarded is closed by whoever reads or closes this end, and a close may wait: for a lingering socket, or a file
  /// server.
  ///
  /// - Returns: `false` on a kernel that cannot.
  package static func refuseDescriptors(at socket: borrowing Descriptor) throws(SystemError) -> Bool {
    let answer = clinux_refuse_rights(socket.rawValue)
    if answer == -ENOPROTOOPT { return false }
    try checked(answer, "setsockopt SO_PASSRIGHTS", "socket \(socket.rawValue)")
    return true
  }

  /// sendmsg(2) of one packet, never empty, with at most 64 descriptors, which the sender keeps too.
  ///
  /// - Returns: `false` when the other side has to read first.
  /// - Throws: EPIPE or ECONNRESET when the other end is closed; no SIGPIPE is raised.
  package static func send(
    _ bytes: [UInt8], descriptors: [CInt] = [], over socket: borrowing Descriptor
  ) throws(SystemError) -> Bool {
    // An empty packet could not be told from the end.
    guard !bytes.isEmpty else { throw SystemError(call: "sendmsg", object: "socket \(socket.rawValue)", errno: EINVAL) }
    let answer = unsafe clinux_send_packet(socket.rawValue, bytes, bytes.count, descriptors, descriptors.count)
    return try checkedUnlessBlocked(answer, "sendmsg", "socket \(socket.rawValue)") != nil
  }

  /// recvmsg(2) of one packet.
  ///
  /// It brings fewer descriptors than were sent where this process has reached its `RLIMIT_NOFILE`; so who expects some counts them.
  ///
  /// - Parameter discard: gets the descriptors of a packet that is refused; else they are closed here, which may wait: see
  ///   ``refuseDescriptors(at:)``.
  /// - Returns: `nil` when none has come yet; a packet with ``Packet/isEnd`` when none will come.
  /// - Throws: EMSGSIZE for a packet that is longer than `limit` bytes or brings more than `maximumDescriptors`; it is gone then.
  package static func receive(
    from socket: borrowing Descriptor, limit: Int, maximumDescriptors: Int = 32,
    discard: (consuming DescriptorList) -> Void = { _ = consume $0 }
  ) throws(SystemError) -> Packet? {
    var descriptors = [CInt](repeating: -1, count: Int(CLINUX_MAX_RECEIVED_DESCRIPTORS))
    var descriptorCount = 0
    var answer = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      answer = unsafe clinux_receive_packet(socket.rawValue, buffer.baseAddress, limit, &descriptors, &descriptorCount)
      count = max(0, answer)
    }
    if descriptorCount > maximumDescriptors { answer = -Int(EMSGSIZE) }
    if answer < 0 && descriptorCount > 0 { discard(DescriptorList(owning: Array(descriptors.prefix(descriptorCount)))) }
    // ECONNRESET: the other end closed with something of ours unread; it is as gone as one that closed in order.
    if answer == -Int(ECONNRESET) { return Packet(bytes: [], descriptors: [], isEnd: true) }
    guard let count = try checkedUnlessBlocked(answer, "recvmsg", "socket \(socket.rawValue)") else { return nil }
    return Packet(bytes: bytes, descriptors: Array(descriptors.prefix(descriptorCount)), isEnd: count == 0)
  }
}
