import ArgumentParser

/// `roost functions [list]`
struct FunctionsListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the functions.")

  @OptionGroup var globals: GlobalOptions

  func run() async throws {
    let functions = try await globals.client.functions()
    try globals.report.show(functions, identifiers: functions.compactMap { $0["FunctionName"]?.text }) {
      Self.table(of: functions).lines()
    }
    if functions.isEmpty { globals.report.remark("no functions yet; roost functions create makes one") }
  }

  static func table(of functions: [JSONValue]) -> TextTable {
    var table = TextTable(
      .left("NAME"), .left("RUNTIME"), .left("HANDLER"), .right("MEMORY"), .right("TIMEOUT"), .right("CODE"), .left("MODIFIED"))
    for function in functions {
      table.add(
        function["FunctionName"]?.text ?? "-", function["Runtime"]?.text ?? "-", function["Handler"]?.text ?? "-",
        function["MemorySize"]?.integer.map { "\($0) MB" } ?? "-", function["Timeout"]?.integer.map { "\($0) s" } ?? "-",
        function["CodeSize"]?.integer.map(HumanUnits.size(bytes:)) ?? "-",
        function["LastModified"]?.text.map(modified) ?? "-")
    }
    return table
  }

  /// AWS's `2026-11-23T13:05:09.042+0000` without its decoration.
  private static func modified(_ text: String) -> String {
    String(text.prefix(19)).replacing("T", with: " ")
  }
}
