internal import FoundationEssentials
internal import FunctionModel
internal import NIOCore

extension ContentDigest {
  /// As in `CodeSha256`.
  var base64: String {
    let digits = hexadecimal.utf8.compactMap(JSONScanner.hexadecimal)
    return Data(stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }).base64EncodedString()
  }
}

/// How much of a configuration an answer shows.
enum ConfigurationView {
  case whole
  /// The answer to CreateFunction: no `LastUpdateStatus` yet.
  case created
  /// An element of a list: neither states nor the runtime's version.
  case listed
}

extension FunctionConfiguration {
  /// `FunctionConfiguration` of AWS's model; members without a value are absent.
  ///
  /// <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html>
  func json(
    _ view: ConfigurationView = .whole, qualifier: String? = nil, runtimeVersion: String? = nil, vpc: String
  ) -> JSONValue {
    var object = JSONObject()
    addIdentity(to: &object, qualifier: qualifier)
    addSettings(to: &object)
    if let network { object.add("VpcConfig", network.json(vpc: vpc)) }
    for (name, text) in echoed.sorted(by: { $0.key < $1.key }) where name != "VpcConfig" {
      // Kept as the client's own JSON, which was valid when it came.
      object.add(name, try? JSONValue(parsing: .init(string: text)))
    }
    if echoed["SnapStart"] == nil { object.add("SnapStart", ["ApplyOn": "None", "OptimizationStatus": "Off"]) }
    if view != .listed {
      addState(to: &object)
      if view == .whole { addUpdateStatus(to: &object) }
      if let runtimeVersion {
        object.add("RuntimeVersionConfig", ["RuntimeVersionArn": .string("arn:aws:lambda:\(id.owner.region)::runtime:\(runtimeVersion)")])
      }
    }
    return .object(object)
  }

  private func addIdentity(to object: inout JSONObject, qualifier: String?) {
    object.add("FunctionName", .string(id.name))
    object.add("FunctionArn", .string(id.arn(qualifier: qualifier)))
    object.add("Runtime", .string(runtime.identifier))
    object.add("Role", .string(role))
    object.add("Handler", .string(handler))
    object.add("CodeSize", .integer(code.zippedBytes))
    object.add("Description", .string(description))
    object.add("Timeout", .integer(timeoutSeconds))
    object.add("MemorySize", .integer(memory.megabytes))
    object.add("LastModified", .string(CalendarTime(milliseconds: lastModified).lambda))
    object.add("CodeSha256", .string(code.digest.base64))
    object.add("Version", .string(version))
    object.add("RevisionId", .string(revisionID))
  }

  private func addSettings(to object: inout JSONObject) {
    if !environment.isEmpty { object.add("Environment", ["Variables": .map(environment)]) }
    object.add("TracingConfig", ["Mode": .string(tracingMode)])
    if !layers.isEmpty {
      object.add("Layers", .array(layers.map { ["Arn": .string($0.arn), "CodeSize": .integer($0.code.zippedBytes)] }))
    }
    object.add("PackageType", .string(packageType))
    object.add("Architectures", .strings(architectures))
    object.add("EphemeralStorage", ["Size": .integer(ephemeralStorage.megabytes)])
    object.add("LoggingConfig", loggingConfig)
  }

  private var loggingConfig: JSONValue {
    var object = JSONObject()
    object.add("LogFormat", .string(logFormat.name))
    if case .json(let application, let system) = logFormat {
      object.add("ApplicationLogLevel", .string(application.rawValue))
      object.add("SystemLogLevel", .string(system.rawValue))
    }
    object.add("LogGroup", .string(logGroup ?? "/aws/lambda/\(id.name)"))
    return .object(object)
  }

  private func addState(to object: inout JSONObject) {
    switch state {
    case .pending:
      object.add("State", "Pending")
      object.add("StateReason", "The function is being created.")
      object.add("StateReasonCode", "Creating")
    case .active: object.add("State", "Active")
    case .failed(let code, let reason):
      object.add("State", "Failed")
      object.add("StateReason", .string(reason))
      object.add("StateReasonCode", .string(code))
    }
  }

  private func addUpdateStatus(to object: inout JSONObject) {
    switch lastUpdate {
    case nil: break
    case .inProgress?:
      object.add("LastUpdateStatus", "InProgress")
      object.add("LastUpdateStatusReason", "The function is being created.")
      object.add("LastUpdateStatusReasonCode", "Creating")
    case .successful?: object.add("LastUpdateStatus", "Successful")
    case .failed(let code, let reason)?:
      object.add("LastUpdateStatus", "Failed")
      object.add("LastUpdateStatusReason", .string(reason))
      object.add("LastUpdateStatusReasonCode", .string(code))
    }
  }
}

extension VpcConfig {
  fileprivate func json(vpc: String) -> JSONValue {
    [
      "SubnetIds": .strings(subnetIDs), "SecurityGroupIds": .strings(securityGroupIDs), "VpcId": .string(vpc),
      "Ipv6AllowedForDualStack": .bool(false),
    ]
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral {
  package init(stringLiteral value: String) { self = .string(value) }

  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    var object = JSONObject()
    for (name, value) in elements { object.add(name, value) }
    self = .object(object)
  }
}
