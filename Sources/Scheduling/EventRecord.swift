import Environments
import FoundationEssentials
import FunctionModel
import NIOCore

/// Why an event has left the queue.
enum EventCondition: String {
  case success = "Success"
  case retriesExhausted = "RetriesExhausted"
  case eventAgeExceeded = "EventAgeExceeded"
  case zeroReservedConcurrency = "ZeroReservedConcurrency"
}

/// What a destination is told of an asynchronous invocation.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-async-destinations>
struct EventRecord {
  var event: QueuedEvent
  var condition: EventCondition
  /// The last attempt's answer; `nil` if the event was given up without one.
  var reply: InvocationReply?
  /// How often it was tried.
  var attempts: Int

  private var functionARN: String { event.function.arn(qualifier: event.qualifier ?? "$LATEST") }

  /// As JSON. Payloads are valid JSON and go in as they are, but a response of a custom runtime may be anything: then it is a string.
  var json: [UInt8] {
    var text = Array(
      #"{"version":"1.0","timestamp":"\#(CalendarTime(milliseconds: WallClock.milliseconds()).iso)","requestContext":{"requestId":"\#(event.requestID)","functionArn":"\#(functionARN)","condition":"\#(condition.rawValue)","approximateInvokeCount":\#(attempts)},"requestPayload":"#
        .utf8)
    text += event.payload
    if let reply {
      let failure = reply.functionError ? #","functionError":"Unhandled""# : ""
      text += Array(
        #","responseContext":{"statusCode":200,"executedVersion":"\#(reply.executedVersion)"\#(failure)},"responsePayload":"#.utf8)
      text += Self.document(reply.payload)
    }
    text.append(UInt8(ascii: "}"))
    return text
  }

  private static func document(_ payload: ByteBuffer) -> [UInt8] {
    let bytes = Array(payload.readableBytesView)
    if bytes.isEmpty { return Array("null".utf8) }
    if (try? JSONSerializationCheck.check(bytes)) != nil { return bytes }
    let quoted = (try? JSONEncoder().encode(String(decoding: bytes, as: UTF8.self))) ?? Data("null".utf8)
    return Array(quoted)
  }

  /// The invocation of a destination that is a function; `nil` if `target` is something else.
  func event(for target: String) -> QueuedEvent? {
    let fields = target.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard fields.count >= 7, fields[2] == "lambda", fields[5] == "function" else { return nil }
    var identifiers = IdentifierSource()
    return QueuedEvent(
      requestID: identifiers.uuid(), function: FunctionID(owner: Owner(account: fields[4], region: fields[3]), name: fields[6]),
      qualifier: fields.count > 7 ? fields[7] : nil, payload: json, traceID: event.traceID, accepted: WallClock.milliseconds())
  }

  func delivery(_ kind: QueuedDelivery.Kind, to target: String, role: String) -> QueuedDelivery {
    var identifiers = IdentifierSource()
    return QueuedDelivery(
      id: identifiers.uuid(), kind: kind, target: target, function: event.function, functionARN: functionARN, requestID: event.requestID,
      role: role, body: kind == .deadLetter ? event.payload : json, errorMessage: errorMessage, made: WallClock.milliseconds())
  }

  private var errorMessage: String {
    struct Failure: Decodable { var errorMessage: String? }
    guard let reply else { return condition.rawValue }
    let failure = try? JSONDecoder().decode(Failure.self, from: Data(reply.payload.readableBytesView))
    return failure?.errorMessage ?? condition.rawValue
  }
}

/// Whether bytes are a JSON document.
enum JSONSerializationCheck {
  private struct Anything: Decodable { init(from decoder: any Decoder) throws {} }

  static func check(_ bytes: [UInt8]) throws { _ = try JSONDecoder().decode(Anything.self, from: Data(bytes)) }
}
