import CLinux
import Glibc
import Synchronization

/// A socket to one of the kernel's netlink families, in the network namespace of its making. See netlink(7).
///
/// The families used here answer within the send, so nothing waits. Threads that ask at the same time take turns.
struct NetlinkSocket: ~Copyable, Sendable {
  enum Family: CInt {
    case route = 0
    case netfilter = 12
  }

  private let descriptor: Descriptor
  /// The number of the next message.
  private let next = Mutex<UInt32>(1)

  /// - Parameter group: of which the kernel's messages come to it, too.
  init(_ family: Family, group: CInt? = nil) throws(SystemError) {
    let made = Descriptor(owning: try checked(clinux_netlink(family.rawValue, 1 << 20), "socket AF_NETLINK", "family \(family.rawValue)"))
    if let group { try checked(clinux_netlink_join(made.rawValue, group), "bind AF_NETLINK", "group \(group)") }
    descriptor = made
  }

  var rawValue: CInt { descriptor.rawValue }

  /// Sends, and takes the first refusal among the answers as this call's error.
  ///
  /// - Parameter harmless: an errno with which a part may be refused while the rest counts.
  /// - Returns: what was answered beside acknowledgements.
  @discardableResult
  func ask(
    _ request: NetlinkRequest, _ call: String, _ object: String, harmless: Int32 = 0
  ) throws(SystemError) -> [NetlinkReply] {
    for _ in 0..<Self.listings {
      var replies: [NetlinkReply] = []
      do {
        try ask(request, call, object, harmless: harmless) { replies.append($0) }
        return replies
      } catch  where error.errno == EINTR {}
    }
    throw SystemError(call: call, object: object, errno: EINTR)
  }

  /// How often a list is asked for that changes while it is told.
  private static let listings = 8

  /// The same for answers that are better not held all at once.
  func ask(
    _ request: NetlinkRequest, _ call: String, _ object: String, harmless: Int32 = 0, each: (NetlinkReply) -> Void
  ) throws(SystemError) {
    var answers = NetlinkAnswers(to: request, harmless: harmless)
    try next.withLock { number throws(SystemError) in
      try drain()
      let bytes = request.numbered(from: number)
      answers.expected = number..<(number + request.count)
      // Far from the end, so that a range of numbers never wraps.
      number = number > 1 << 31 ? 1 : number + request.count
      guard try descriptor.write(bytes[...]) != nil else { throw SystemError(call: call, object: object, errno: EAGAIN) }
      try receive { if answers.isOne($0) { each($0) } }
    }
    if let errno = answers.refusal { throw SystemError(call: call, object: object, errno: errno) }
  }

  /// What an earlier call did not read is nobody's any more. ENOBUFS: of that, too, something was lost.
  private func drain() throws(SystemError) {
    do { try receive { _ in } } catch  where error.errno == ENOBUFS { try receive { _ in } }
  }

  /// All that has come. A long answer comes in several packets, and each is put together when the one before is read.
  private func receive(_ body: (NetlinkReply) -> Void) throws(SystemError) {
    while true {
      var packet: [UInt8] = []
      guard case .bytes = try descriptor.read(into: &packet, upTo: 1 << 16) else { return }
      NetlinkReply.messages(in: packet).forEach(body)
    }
  }

  /// What the kernel has told the group, without having been asked.
  func heard() throws(SystemError) -> [NetlinkReply] {
    var messages: [NetlinkReply] = []
    while let packet = try StreamSocket.receive(from: descriptor, limit: 1 << 16), !packet.isEmpty {
      messages += NetlinkReply.messages(in: packet)
    }
    return messages
  }
}

/// What the kernel says to one request, told from what it said to earlier ones by the messages' numbers.
struct NetlinkAnswers {
  private static let error: UInt16 = 2
  private static let done: UInt16 = 3
  /// NLM_F_DUMP_INTR: what is listed changed meanwhile, so that something may be missing.
  private static let interrupted: UInt16 = 0x10

  /// The numbers of the request's messages.
  var expected: Range<UInt32>
  private let harmless: Int32
  private var refused: Int32 = 0
  private var wasInterrupted = false
  /// How many acknowledgements, or ends of a list, are still to come.
  private var missing: Int

  init(to request: NetlinkRequest, numberedFrom first: UInt32 = 0, harmless: Int32 = 0) {
    expected = first..<(first + request.count)
    missing = request.acknowledgements
    self.harmless = harmless
  }

  /// Whether the message holds what was asked for; acknowledgements, refusals and the end of a list are taken in.
  mutating func isOne(_ reply: NetlinkReply) -> Bool {
    guard expected.contains(reply.number) else { return false }
    if reply.flags & Self.interrupted != 0 { wasInterrupted = true }
    guard reply.type == Self.error || reply.type == Self.done else { return true }
    // A list that the kernel cannot go on with ends with the reason for that, any other one with 0 or more.
    let code = reply.body.number(at: 0, Int32.self) ?? -EBADMSG
    if code >= 0 { missing -= 1 } else if -code != harmless, refused == 0 { refused = -code }
    return false
  }

  /// Why the request counts as refused. EINTR: the list may lack something that was there all the time. EBADMSG: not all of the answer came.
  var refusal: Int32? { refused != 0 ? refused : wasInterrupted ? EINTR : missing > 0 ? EBADMSG : nil }
}
