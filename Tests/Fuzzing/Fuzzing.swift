// What tools/fuzz builds: one libFuzzer program for every parser that takes another side's bytes. Which of them it feeds is said by
// ROOST_FUZZ_TARGET; with ROOST_FUZZ_SEEDS it writes the seeds and dictionaries of all of them into that folder instead.
//
// Seeds are made by the real encoders, and so are never older than the code; inputs that once did harm are kept in Tests/Fuzzing/Kept.

import Glibc

/// A parser that stands at a border, and what must hold whatever it is fed.
protocol FuzzTarget: Sendable {
  /// As `tools/fuzz` is told.
  static var name: String { get }
  /// Good inputs, from which the fuzzer starts.
  static var seeds: [[UInt8]] { get }
  /// Words that the parser compares with, which a fuzzer would be long in guessing.
  static var words: [String] { get }
  /// Longer inputs find nothing more, and take longer.
  static var longest: Int { get }
  /// Feeds the parser. What must not be, traps.
  static func run(_ bytes: [UInt8])
}

extension FuzzTarget {
  static var words: [String] { [] }
  static var longest: Int { 4_096 }
}

private let targets: [any FuzzTarget.Type] = [
  SpawnRequestTarget.self, SpawnEventTarget.self, InitRequestTarget.self, InitEventTarget.self, HostSettingsTarget.self,
  ZipTarget.self, ArchiveRecordsTarget.self, RuntimeRequestTarget.self, FunctionNameTarget.self, JSONTarget.self, RequestLineTarget.self,
  LogFramesTarget.self, LogLineTarget.self,
]

// Set once, before anything is fed.
nonisolated(unsafe) private var target: (any FuzzTarget.Type)?

@_cdecl("LLVMFuzzerInitialize")
public func initialize(_ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer) -> CInt {
  if let folder = getenv("ROOST_FUZZ_SEEDS") {
    writeSeeds(into: String(cString: folder))
    exit(0)
  }
  let name = getenv("ROOST_FUZZ_TARGET").map { String(cString: $0) }
  target = targets.first { $0.name == name }
  guard target != nil else { fail("ROOST_FUZZ_TARGET is none of \(targets.map { $0.name }.joined(separator: " "))") }
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func feed(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target?.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}

/// `FOLDER/TARGET/NUMBER`, `FOLDER/TARGET.dict`, and for tools/fuzz `FOLDER/targets`: names and lengths.
private func writeSeeds(into folder: String) {
  var table = ""
  for target in targets {
    table += "\(target.name) \(target.longest)\n"
    guard mkdir("\(folder)/\(target.name)", 0o755) == 0 || errno == EEXIST else { fail("mkdir \(folder)/\(target.name): errno \(errno)") }
    for (number, seed) in target.seeds.enumerated() { write(seed, to: "\(folder)/\(target.name)/seed-\(number)") }
    write(
      Array(("# libFuzzer takes no empty one.\n" + target.words.map(dictionaryLine).joined()).utf8), to: "\(folder)/\(target.name).dict")
  }
  write(Array(table.utf8), to: folder + "/targets")
}

/// As in `"a\x00b"`.
private func dictionaryLine(_ word: String) -> String {
  let escaped = word.utf8.map { byte in
    (0x20..<0x7F).contains(byte) && byte != 0x22 && byte != 0x5C
      ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
  return "\"\(escaped.joined())\"\n"
}

private func write(_ bytes: [UInt8], to path: String) {
  guard let file = fopen(path, "w") else { fail("open \(path): errno \(errno)") }
  guard fwrite(bytes, 1, bytes.count, file) == bytes.count, fclose(file) == 0 else { fail("write \(path): errno \(errno)") }
}

private func fail(_ message: String) -> Never {
  say(message)
  exit(64)
}

/// What must be so. (A `precondition` of optimised code would say nothing.)
func must(_ isSo: Bool, _ what: String = "", file: StaticString = #fileID, line: Int = #line) {
  if !isSo { fault(what, file: file, line: line) }
}

func fault(_ what: String, file: StaticString = #fileID, line: Int = #line) -> Never {
  say("\(file):\(line): \(what)")
  abort()
}

private func say(_ message: String) {
  let line = Array("fuzz: \(message)\n".utf8)
  _ = Glibc.write(2, line, line.count)  // whoever does not read it does not want it
}
