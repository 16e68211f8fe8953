package import NIOCore
import Synchronization

/// A response on its way to the caller while the runtime still makes it, and the measure by which a slow caller slows the runtime down.
///
/// The environment's event loop puts parts in, the caller's takes them out and says when the kernel has them. What is between the two is bounded: beyond
/// the window the runtime's connection is not read until half of it is free again, so that the function feels its caller through its own socket.
package final class ResponseStream: Sendable {
  /// Bytes that may be between runtime and caller before the runtime has to wait. One read's worth may come on top.
  package static let window = 256 << 10

  private struct State {
    var inFlight = 0
    var resume: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())
  private let deliver: Deliver

  /// Takes one part, with what the runtime calls the whole response (`Content-Type`), and calls `taken` when the part is out of this process's memory or
  /// has nowhere to go.
  package typealias Deliver = @Sendable (_ part: ByteBuffer, _ contentType: String?, _ taken: @escaping @Sendable () -> Void) -> Void

  /// - Parameter deliver: takes the parts to the caller. It is called on the environment's event loop, before the invocation's completion is.
  package init(deliver: @escaping Deliver) {
    self.deliver = deliver
  }

  /// Passes a part on.
  ///
  /// - Parameter resume: called once, from any thread, when there is room again; only if this returns false.
  /// - Returns: whether there is room for more.
  func send(_ part: ByteBuffer, _ contentType: String?, resume: @escaping @Sendable () -> Void) -> Bool {
    state.withLock { $0.inFlight += part.readableBytes }
    // Without the lock: the caller may be on this very event loop, and take it at once.
    deliver(part, contentType) { [self, count = part.readableBytes] in taken(count) }
    return state.withLock { state in
      guard state.inFlight > Self.window else { return true }
      state.resume = resume
      return false
    }
  }

  /// The caller has `count` more bytes, or will never have them.
  private func taken(_ count: Int) {
    let resume = state.withLock { state -> (@Sendable () -> Void)? in
      state.inFlight -= count
      guard state.inFlight <= Self.window / 2 else { return nil }
      defer { state.resume = nil }
      return state.resume
    }
    resume?()
  }
}
