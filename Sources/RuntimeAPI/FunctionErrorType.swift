/// The `Lambda-Runtime-Function-Error-Type` of a failed invocation.
package struct FunctionErrorType: Sendable, Hashable {
  /// As the runtime sent it, cut to 128 characters; `nil` if it sent none.
  package var sent: String?

  package init(_ sent: String?) {
    self.sent = sent.flatMap { $0.isEmpty ? nil : String($0.prefix(128)) }
  }

  /// For platform records: `Runtime.` or `Function.` followed by a capitalised word of at least two letters is kept, any other `Function.` becomes
  /// `Function.Unknown`, and the rest, an absent type included, `Runtime.Unknown`.
  package var classified: String {
    guard let sent else { return "Runtime.Unknown" }
    let isFunction = sent.hasPrefix("Function.")
    if isFunction || sent.hasPrefix("Runtime.") {
      let word = sent.utf8.drop { $0 != UInt8(ascii: ".") }.dropFirst()
      let isCapitalised = word.first.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) } ?? false
      if isCapitalised, word.count >= 2, word.allSatisfy({ (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20) }) { return sent }
    }
    return isFunction ? "Function.Unknown" : "Runtime.Unknown"
  }
}
