/// Columns of text, aligned by spaces: left for words, right for numbers.
struct TextTable: Sendable {
  enum Alignment: Sendable { case left, right }

  struct Column: Sendable {
    var title: String
    var alignment: Alignment

    static func left(_ title: String) -> Column { Column(title: title, alignment: .left) }
    static func right(_ title: String) -> Column { Column(title: title, alignment: .right) }
  }

  var columns: [Column]
  private(set) var rows: [[String]] = []

  init(_ columns: Column...) { self.columns = columns }

  /// One cell per column.
  mutating func add(_ cells: String...) {
    precondition(cells.count == columns.count, "a row has one cell per column")
    rows.append(cells.map { PrintableText.line($0) })
  }

  /// Title line and rows without trailing blanks; two spaces between columns.
  func lines() -> [String] {
    let titles = columns.map(\.title)
    let widths = columns.indices.map { index in ([titles] + rows).map { $0[index].count }.max() ?? 0 }
    return ([titles] + rows).map { cells in
      var line = ""
      for (index, cell) in cells.enumerated() {
        let padding = String(repeating: " ", count: widths[index] - cell.count)
        line += (index == 0 ? "" : "  ") + (columns[index].alignment == .left ? cell + padding : padding + cell)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}
