import FunctionModel
import Hummingbird
import HummingbirdCore

/// The query parameters of the admin paths, checked.
struct AdminQuery {
  private var parameters: FlatDictionary<Substring, Substring>

  init(_ parameters: FlatDictionary<Substring, Substring>) { self.parameters = parameters }

  func integer(_ name: String) throws -> Int64? {
    guard let text = parameters[name[...]] else { return nil }
    guard let number = Int64(text) else { throw AdminFault(status: .badRequest, message: "\(name)= takes a whole number, not \(text)") }
    return number
  }

  func limit(default usual: Int, atMost most: Int) throws -> Int {
    let limit = try integer("limit") ?? Int64(usual)
    guard 1...Int64(most) ~= limit else { throw AdminFault(status: .badRequest, message: "limit= takes 1 to \(most)") }
    return Int(limit)
  }

  /// `function=` as a name of `owner`'s or as a function ARN.
  func function(of owner: Owner) throws -> FunctionID? {
    guard let text = parameters["function"] else { return nil }
    guard let function = Self.function(named: String(text), of: owner) else {
      throw AdminFault(status: .badRequest, message: "not a function's name or ARN: \(text)")
    }
    return function
  }

  /// `name` or `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]`; records are kept by function, so the qualifier is dropped.
  static func function(named text: String, of owner: Owner) -> FunctionID? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    if parts.count == 1, !text.isEmpty { return FunctionID(owner: owner, name: text) }
    guard (7...8).contains(parts.count), parts[0] == "arn", parts[2] == "lambda", parts[5] == "function", !parts[6].isEmpty else {
      return nil
    }
    return FunctionID(owner: Owner(account: parts[4], region: parts[3]), name: parts[6])
  }
}
