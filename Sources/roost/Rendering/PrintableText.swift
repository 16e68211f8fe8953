/// Text of strangers (a function's log, its description, its errors) made safe for a terminal, which obeys what it is sent: control
/// characters become their pictures, as ESC becomes ␛.
enum PrintableText {
  /// On one line: line breaks become blanks.
  static func line(_ text: some StringProtocol) -> String {
    lines(text).joined(separator: " ")
  }

  /// Broken at LF, CR LF and the lone CR that Python's runtime client writes between the lines of one record.
  static func lines(_ text: some StringProtocol) -> [String] {
    text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r" || $0 == "\r\n" }.map { line in
      String(String.UnicodeScalarView(line.unicodeScalars.map(picture)))
    }
  }

  private static func picture(of scalar: Unicode.Scalar) -> Unicode.Scalar {
    switch scalar.value {
    case 0x09: scalar
    case 0..<0x20: Unicode.Scalar(0x2400 + scalar.value) ?? "␀"
    case 0x7f: "␡"
    // C1, where 8-bit terminals have their escapes: no pictures of their own.
    case 0x80..<0xa0: "␀"
    default: scalar
    }
  }
}
