import FunctionModel
import Testing

@testable import roost

@Suite struct RenderingTests {
  @Test(
    arguments: [
      (0, "0 µs"), (870, "870 µs"), (999, "999 µs"), (1_000, "1.00 ms"), (9_994, "9.99 ms"), (9_996, "10.0 ms"), (12_399, "12.4 ms"),
      (99_960, "100 ms"), (999_499, "999 ms"), (999_500, "1.00 s"), (3_214_000, "3.21 s"), (59_949_999, "59.9 s"),
      (59_950_000, "1m 00s"), (245_000_000, "4m 05s"), (7_800_000_000, "2h 10m"), (273_600_000_000, "3d 04h"),
    ] as [(Int64, String)])
  func `durations have three digits and the unit that suits them`(microseconds: Int64, text: String) {
    #expect(HumanUnits.duration(microseconds: microseconds) == text)
  }

  @Test(
    arguments: [
      (0, "0 B"), (512, "512 B"), (999, "999 B"), (1_024, "1.00 KB"), (4_301, "4.20 KB"), (61 << 20, "61.0 MB"),
      (262_144_000, "250 MB"), (10 << 30, "10.0 GB"), (2_048 << 30, "2048 GB"),
    ] as [(Int64, String)])
  func `sizes count in steps of 1024`(bytes: Int64, text: String) {
    #expect(HumanUnits.size(bytes: bytes) == text)
  }

  @Test(arguments: [(-5, "0s"), (999, "0s"), (59_999, "59s"), (60_000, "1m 00s"), (172_800_000, "2d 00h")] as [(Int64, String)])
  func `ages are whole seconds at least`(milliseconds: Int64, text: String) {
    #expect(HumanUnits.age(milliseconds: milliseconds) == text)
  }

  @Test func `timestamps are UTC and exact to the millisecond`() {
    #expect(Timestamp.text(milliseconds: 0) == "1970-01-01 00:00:00.000")
    for millisecond in Int64(0)..<1_000 {
      let text = Timestamp.text(milliseconds: Samples.noon - 42 + millisecond)
      let digits = String(millisecond + 1_000).dropFirst()
      #expect(text == "2026-11-23 13:05:09.\(digits)")
    }
  }

  @Test func `a table aligns words left and numbers right and leaves no trailing blanks`() {
    var table = TextTable(.left("NAME"), .right("N"), .left("NOTE"))
    table.add("a", "1000", "")
    table.add("longer", "7", "two\nlines")
    #expect(table.lines() == ["NAME       N  NOTE", "a       1000", "longer     7  two lines"])
  }

  @Test(arguments: [
    ("plain ä\tb", ["plain ä\tb"]), ("\u{1b}[2J\u{7}", ["␛[2J␇"]), ("a\rb\r\nc\nd", ["a", "b", "c", "d"]), ("\u{9b}31m\u{7f}", ["␀31m␡"]),
    ("", [""]),
  ])
  func `a function's text cannot command the terminal`(text: String, lines: [String]) {
    #expect(PrintableText.lines(text) == lines)
    #expect(PrintableText.line(text) == lines.joined(separator: " "))
  }

  @Test func `the further lines of a log record stand below its text`() {
    var record = Samples.logs[1]
    record.message = "[ERROR] KeyError\rTraceback:\r  line 1"
    let indent = String(repeating: " ", count: 36)
    #expect(LogsCommand.line(record) == "2026-11-23 13:05:09.043  stdout     [ERROR] KeyError\n\(indent)Traceback:\n\(indent)  line 1")
  }

  @Test func `environments as roost ps lists them`() throws {
    let table = EnvironmentsCommand.table(of: [Samples.frozen, Samples.running], now: Samples.noon)
    try expectGolden("ps", table.lines().joined(separator: "\n"))
  }

  @Test func `a live environment as roost inspect shows it`() throws {
    let inspection = EnvironmentInspection(status: Samples.frozen, record: Samples.record, invocations: [Samples.timedOut, Samples.cold])
    try expectGolden("inspect-live", InspectCommand.lines(of: inspection, now: Samples.noon).joined(separator: "\n"))
  }

  @Test func `an ended environment as roost inspect shows it`() throws {
    var record = Samples.record
    record.ended = Samples.noon
    record.endReason = "idle"
    let inspection = EnvironmentInspection(status: nil, record: record, invocations: [])
    try expectGolden("inspect-ended", InspectCommand.lines(of: inspection, now: Samples.noon).joined(separator: "\n"))
  }
}

@Suite struct PhaseChartTests {
  @Test func `the bars of a cold start follow each other`() throws {
    try expectGolden("phases-cold", PhaseChart(Samples.cold.phases).lines().joined(separator: "\n"))
  }

  @Test func `a warm invocation is nearly all invoke`() throws {
    try expectGolden("phases-warm", PhaseChart(Samples.timedOut.phases).lines().joined(separator: "\n"))
  }

  @Test func `an invocation that never ran has no bars`() {
    for line in PhaseChart(InvocationPhases()).lines() { #expect(!line.contains("█") && !line.contains("▏")) }
  }

  @Test func `no phase that happened is invisible, and no bar leaves the axis`() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      let numbers = (0..<5).map { _ in Int64.random(in: 0...(1 << Int64.random(in: 0...40, using: &generator)), using: &generator) }
      let phases = InvocationPhases(
        queue: numbers[0], sandboxCreate: numbers[1], initialization: numbers[2], invoke: numbers[3], response: numbers[4])
      for (line, number) in zip(PhaseChart(phases).lines(), numbers) {
        #expect((line.contains("█") || line.contains("▏")) == (number > 0))
        #expect(line.count <= 19 + PhaseChart.width, "\(line)")
      }
    }
  }
}
