internal import NIOCore

/// Closes a connection that has been silent too long.
///
/// Requests only move the deadline; the timer itself is set again when it fires early, so that a warm request costs no timer.
/// Confined to the connection's event loop.
final class IdleTimer {
  /// When the connection may be closed next, or `nil` while an answer is being worked on.
  var deadline: () -> NIODeadline? = { nil }
  private var scheduled: Scheduled<Void>?

  func start(_ context: ChannelHandlerContext, after delay: TimeAmount) {
    let channel = context.channel
    let timer = NIOLoopBound(self, eventLoop: context.eventLoop)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    scheduled = context.eventLoop.scheduleTask(in: delay) {
      let context = bound.value
      guard channel.isActive else { return }
      let now = NIODeadline.now()
      switch timer.value.deadline() {
      case let deadline? where deadline <= now: context.close(promise: nil)
      case let deadline?: timer.value.start(context, after: deadline - now)
      case nil: timer.value.start(context, after: delay)
      }
    }
  }

  func stop() {
    scheduled?.cancel()
    scheduled = nil
    deadline = { nil }
  }
}
