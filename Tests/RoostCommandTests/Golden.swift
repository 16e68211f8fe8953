import FoundationEssentials
import Testing

/// Compares `text` with the file `Golden/<name>.txt` beside this source file. `ROOST_UPDATE_GOLDEN=1` writes the files instead; the
/// change is then looked at as a diff.
func expectGolden(_ name: String, _ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
  let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")
  let file = folder.appending(path: "\(name).txt")
  let text = text.hasSuffix("\n") ? text : text + "\n"
  if ProcessInfo.processInfo.environment["ROOST_UPDATE_GOLDEN"] == "1" {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
    return
  }
  let golden = String(decoding: try Data(contentsOf: file), as: UTF8.self)
  #expect(text == golden, "Golden/\(name).txt differs", sourceLocation: sourceLocation)
}
