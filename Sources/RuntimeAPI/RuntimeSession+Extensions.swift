import FunctionModel
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
    case .park(let notice):
      connection.park()
      guard let notice else { return }
      closeSubscription()
      delegate.extensionTold(notice)
    }
  }

  func shutDown(_ reason: ShutdownReason, deadline: Int64) {
    guard delegate != nil else { return }
    // Who is told that it is the end has its last records then, if it took them in time.
    telemetry.flush { [self] in
      guard delegate != nil else { return }
      perform(extensions.machine.deliver(ExtensionEvent(shutdown: reason, deadline: deadline)))
    }
  }

  func perform(_ deliveries: [ExtensionStateMachine.Delivery]) {
    for delivery in deliveries { connections[delivery.waiter]?.answer(delivery.event.reply) }
  }

  func begin(_ dialect: TelemetryDialect, _ head: HTTPRequestHead) -> RequestPurpose {
    do throws(ExtensionError) {
      return .subscription(dialect, identifier: try ExtensionCall.identifier(head.headers))
    } catch {
      return refuse(error.refusal, head)
    }
  }

  func subscribe(_ dialect: TelemetryDialect, _ identifier: String, _ body: RequestBody, from connection: RuntimeConnection) {
    guard let name = extensions.machine.name(of: identifier) else {
      return connection.answer(ExtensionRefusal.unknownIdentifier(identifier).reply)
    }
    let (reply, subscription) = telemetry.subscribe(name, dialect, body)
    connection.answer(reply)
    guard let subscription else { return }
    delegate?.extensionTold(.subscribed(.init(name: name, types: subscription.types), isToLogs: dialect == .logs))
  }

  private func refuse(_ refusal: ExtensionRefusal, _ head: HTTPRequestHead) -> RequestPurpose {
    logger.debug("refused a call of an extension", metadata: ["call": "\(head.method) \(head.uri)", "because": "\(refusal)"])
    return .reply(refusal.reply)
  }
}
