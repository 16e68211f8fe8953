package import FunctionModel
import NIOHTTP1

/// Why an environment is shut down, by the names of the Extensions API.
package enum ShutdownReason: String, Sendable {
  /// Nobody needed it any more.
  case spindown
  case timeout
  case failure
}

/// One event as `GET /2020-01-01/extension/event/next` hands it to an extension.
package struct ExtensionEvent: Sendable, Equatable {
  /// What an extension can subscribe to.
  package enum Kind: String, Sendable, CaseIterable {
    case invoke = "INVOKE"
    case shutdown = "SHUTDOWN"
  }

  var kind: Kind
  /// `Lambda-Extension-Event-Identifier`; `nil` sends none.
  var identifier: String?
  var body: String

  init(_ event: RuntimeEvent, identifier: String) {
    kind = .invoke
    self.identifier = identifier
    body =
      #"{"eventType":"INVOKE","deadlineMs":\#(event.deadline),"requestId":\#(event.requestID.quotedJSON),"#
      + #""invokedFunctionArn":\#(event.invokedFunctionARN.quotedJSON),"#
      + #""tracing":{"type":"X-Amzn-Trace-Id","value":\#(event.traceID.quotedJSON)}}"#
  }

  init(shutdown reason: ShutdownReason, deadline: Int64) {
    kind = .shutdown
    body = #"{"eventType":"SHUTDOWN","deadlineMs":\#(deadline),"shutdownReason":"\#(reason.rawValue)"}"#
  }

  var reply: RuntimeReply {
    let fields = identifier.map { [RuntimeReply.Field(name: "Lambda-Extension-Event-Identifier", value: $0)] }
    return RuntimeReply(status: .ok, contentType: "application/json", fields: fields ?? [], body: body)
  }
}

/// What is known of one extension.
package struct ExtensionStatus: Sendable, Equatable {
  /// Of an external one, its program's base name.
  package var name: String
  /// A program of its own, in `/opt/extensions`; else a part of the runtime's process.
  package var isExternal: Bool
  package var isRegistered: Bool
  /// It has not asked for its next event since it was started, or was given the last one.
  package var isBusy: Bool
  package var events: [ExtensionEvent.Kind]
}

/// What an extension did that its environment must know of.
package enum ExtensionNotice: Sendable, Equatable {
  case registered(name: String)
  /// It asked for its next event: its init, or its part of the running invocation, is over.
  case ready(name: String)
  /// It reported that it cannot start (`Extension.InitError`) or go on (`Extension.ExitError`); `sent` is the type that it gave itself.
  case failed(name: String, errorType: String, sent: String)
  /// It gets records of telemetry, through the Telemetry API or the Logs API.
  case subscribed(TelemetryRecord.Subscription, isToLogs: Bool)
}

extension String {
  /// The text as JSON has it, in its quotes (RFC 8259 §7).
  var quotedJSON: String {
    var quoted: [UInt8] = [UInt8(ascii: "\"")]
    for byte in utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): quoted += [UInt8(ascii: "\\"), byte]
      case 0..<0x20:
        quoted += Array((byte < 0x10 ? "\\u000" : "\\u00").utf8)
        quoted += Array(String(byte, radix: 16).utf8)
      default: quoted.append(byte)
      }
    }
    quoted.append(UInt8(ascii: "\""))
    return String(decoding: quoted, as: UTF8.self)
  }
}
