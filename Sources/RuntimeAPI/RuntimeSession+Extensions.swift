import Logging
import NIOCore
import NIOHTTP1

// The Extensions API's part of a session.
extension RuntimeSession {
  func begin(_ route: ExtensionRoute, _ head: HTTPRequestHead) -> RequestPurpose {
    do throws(ExtensionError) {
      return .extensions(try ExtensionCall(route, head.headers))
    } catch {
      return refuse(error.refusal, head)
    }
  }

  func finish(_ call: ExtensionCall, _ body: RequestBody, from connection: RuntimeConnection) {
    guard let delegate else { return connection.answer(RuntimeRefusal.closed.reply) }
    switch extensions.answer(call, body, from: connection.id) {
    case .reply(let reply, let notice):
      connection.answer(reply)
      if let notice { delegate.extensionTold(notice) }
    case .park(let notice, _):
      connection.park()
      if let notice { delegate.extensionTold(notice) }
    }
  }

  func shutDown(_ reason: ShutdownReason, deadline: Int64) {
    guard delegate != nil else { return }
    perform(extensions.machine.deliver(ExtensionEvent(shutdown: reason, deadline: deadline)))
  }

  func perform(_ deliveries: [ExtensionStateMachine.Delivery]) {
    for delivery in deliveries { connections[delivery.waiter]?.answer(delivery.event.reply) }
  }

  private func refuse(_ refusal: ExtensionRefusal, _ head: HTTPRequestHead) -> RequestPurpose {
    logger.debug("refused a call of an extension", metadata: ["call": "\(head.method) \(head.uri)", "because": "\(refusal)"])
    return .reply(refusal.reply)
  }
}
