/// Something that a daemon has left because it was killed, as `roostd --clean` tells it.
struct Leftover: Sendable, Hashable, Encodable {
  /// As in `control group`.
  var kind: String
  /// What an administrator finds it by.
  var name: String
  var detail: String
  /// It was only looked for with `--dry-run`.
  var removed: Bool

  static func table(of leftovers: [Leftover]) -> TextTable {
    var table = TextTable(.left("KIND"), .left("NAME"), .left("DETAIL"))
    for leftover in leftovers { table.add(leftover.kind, leftover.name, leftover.detail) }
    return table
  }
}
