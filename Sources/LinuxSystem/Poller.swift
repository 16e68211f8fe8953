import Glibc

import CLinux

/// Waits for many descriptors at once, synchronously. epoll(7), level-triggered.
///
/// For programs with one thread and their own loop, and underneath ``DescriptorWatcher``.
package struct Poller: ~Copyable, Sendable {
  /// What to wait for. An error or a closed other end is reported in any case.
  package struct Interest: OptionSet, Sendable, Hashable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = Interest(rawValue: UInt32(CLINUX_EPOLLIN))
    package static let writable = Interest(rawValue: UInt32(CLINUX_EPOLLOUT))
    /// A cgroup or proc file changed since it was last read (`POLLPRI`).
    package static let priority = Interest(rawValue: UInt32(CLINUX_EPOLLPRI))
  }

  /// One descriptor that something happened to.
  package struct Event: Sendable, Hashable {
    /// As given to ``Poller/add(_:for:token:oneShot:)``.
    package let token: UInt64
    package let ready: Interest
    /// The other end is closed (`EPOLLHUP`), or the descriptor is in error (`EPOLLERR`, which cgroup files raise beside `priority`).
    package let isHangup: Bool
  }

  private let epoll: Descriptor

  package init() throws(SystemError) {
    epoll = Descriptor(owning: try checked(clinux_epoll_create(), "epoll_create1", ""))
  }

  /// Starts to wait for `number`; with `oneShot` for one event only, until ``modify(_:for:token:oneShot:)``.
  ///
  /// The poller does not own the descriptor: remove it before it is closed.
  package borrowing func add(
    _ number: CInt, for interest: Interest, token: UInt64, oneShot: Bool = false
  ) throws(SystemError) {
    let answer = clinux_epoll_add(epoll.rawValue, number, interest.bits(oneShot: oneShot), token)
    try checked(answer, "epoll_ctl ADD", "descriptor \(number)")
  }

  package borrowing func modify(
    _ number: CInt, for interest: Interest, token: UInt64, oneShot: Bool = false
  ) throws(SystemError) {
    let answer = clinux_epoll_modify(epoll.rawValue, number, interest.bits(oneShot: oneShot), token)
    try checked(answer, "epoll_ctl MOD", "descriptor \(number)")
  }

  package borrowing func remove(_ number: CInt) throws(SystemError) {
    try checked(clinux_epoll_remove(epoll.rawValue, number), "epoll_ctl DEL", "descriptor \(number)")
  }

  /// Waits until something happens, at most for `timeout` (rounded up to milliseconds; `nil`: for ever).
  ///
  /// - Returns: at most 64 events; none when the time is over or a signal handler ran.
  package borrowing func wait(timeout: Duration? = nil) throws(SystemError) -> [Event] {
    let milliseconds = timeout.map(\.wholeMilliseconds) ?? -1
    return try [Event](waitingOn: epoll.rawValue, milliseconds: milliseconds)
  }
}

extension [Poller.Event] {
  fileprivate init(waitingOn epoll: CInt, milliseconds: CInt) throws(SystemError) {
    var events = [clinux_event](repeating: clinux_event(), count: 64)
    let answer = unsafe clinux_epoll_wait(epoll, &events, CInt(events.count), milliseconds)
    let count = try checked(answer, "epoll_wait", "")
    self = events.prefix(Int(count)).map(Poller.Event.init)
  }
}

extension Poller.Event {
  fileprivate init(_ event: clinux_event) {
    let trouble = UInt32(CLINUX_EPOLLHUP | CLINUX_EPOLLERR)
    self.init(
      token: event.token, ready: Poller.Interest(rawValue: event.events & ~trouble),
      isHangup: event.events & trouble != 0)
  }
}

extension Poller.Interest {
  fileprivate func bits(oneShot: Bool) -> UInt32 {
    oneShot ? rawValue | UInt32(CLINUX_EPOLLONESHOT) : rawValue
  }
}

extension Duration {
  /// Rounded up, so that a wait never ends before its time, and kept within what the kernel takes.
  fileprivate var wholeMilliseconds: CInt {
    guard self > .zero else { return 0 }
    let (seconds, attoseconds) = components
    guard seconds < 2_000_000 else { return 2_000_000_000 }
    return CInt(seconds) * 1000 + CInt((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}
