import FunctionModel
import Testing

@Suite struct `Values` {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (951_782_399_999, "2000-02-28T23:59:59.999Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
      (1_795_438_800_123, "2026-11-23T13:00:00.123Z"),
    ] as [(Int64, String)])
  func `dates are the calendar's`(_ milliseconds: Int64, _ text: String) {
    #expect(CalendarTime(milliseconds: milliseconds).iso == text)
  }

  @Test func `identifiers are version 4 UUIDs, each another`() {
    var source = IdentifierSource()
    let ids = (0..<1_000).map { _ in source.uuid() }
    #expect(Set(ids).count == ids.count)
    for id in ids {
      let characters = Array(id)
      #expect(characters.count == 36 && characters[14] == "4" && "89ab".contains(characters[19]))
    }
  }

  @Test(arguments: ["", "0A", String(repeating: "g", count: 64), String(repeating: "A", count: 64)])
  func `a digest is 64 lower-case hexadecimal digits, as it names a folder`(_ text: String) {
    #expect(ContentDigest(text) == nil)
    #expect(ContentDigest(bytes: [UInt8](repeating: 0xAB, count: 32))?.hexadecimal == String(repeating: "ab", count: 32))
  }

  @Test(arguments: ["", ".", "../x", "a/b", "Python", ".hidden"])
  func `a runtime's name can stand in a path`(_ text: String) {
    #expect(Runtime(text) == nil)
    #expect(Runtime("python3.11")?.identifier == "python3.11")
  }

  @Test func `memory used is rounded up to whole megabytes`() {
    #expect(MemorySize(bytes: (23 << 20) + 1).megabytesRoundedUp == 24)
    #expect(MemorySize.megabytes(23).megabytesRoundedUp == 23)
  }
}
