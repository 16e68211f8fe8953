internal import FunctionModel
internal import Store

extension LambdaService {
  /// <https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html>
  func putFunctionConcurrency(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let id = try changeable(try call.function()).id
    let executions = call.body.member("ReservedConcurrentExecutions")?.integer ?? 0
    try await catalogued(id) { () async throws(CatalogError) in
      try await catalog.updateSetting(ReservedConcurrency.self, of: id) { [self] (setting) throws(ServiceError) in
        let left = unreservedConcurrency(of: id.owner) + (setting?.executions ?? 0) - executions
        guard executions == 0 || left >= leastUnreservedConcurrency else {
          throw .invalidParameterValue(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum "
              + "value of [\(leastUnreservedConcurrency)].")
        }
        setting = ReservedConcurrency(executions: executions)
      }
    }
    invoker.functionChanged(id)
    return ["ReservedConcurrentExecutions": .integer(executions)]
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConcurrency.html>
  func getFunctionConcurrency(_ call: OperationCall) throws(ServiceError) -> JSONValue? {
    let id = try existing(try call.function()).id
    var object = JSONObject()
    object.add("ReservedConcurrentExecutions", catalog.setting(ReservedConcurrency.self, of: id).map { .integer($0.executions) })
    return .object(object)
  }

  /// <https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunctionConcurrency.html>
  func deleteFunctionConcurrency(_ call: OperationCall) async throws(ServiceError) -> JSONValue? {
    let id = try changeable(try call.function()).id
    try await catalogued(id) { () async throws(CatalogError) in
      try await catalog.updateSetting(ReservedConcurrency.self, of: id) { $0 = nil }
    }
    invoker.functionChanged(id)
    return nil
  }

  /// What the reservations of an account leave of its limit.
  func unreservedConcurrency(of owner: Owner) -> Int {
    catalog.settings(ReservedConcurrency.self, of: owner).reduce(configuration.concurrencyLimit) { $0 - $1.setting.executions }
  }

  /// What they must leave: 100, as on AWS, or a tenth of a limit below AWS's 1,000.
  private var leastUnreservedConcurrency: Int { min(100, configuration.concurrencyLimit / 10) }
}
