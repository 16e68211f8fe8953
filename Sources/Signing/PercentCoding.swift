/// Percent-encoding (RFC 3986) as Signature Version 4 wants it.
package enum PercentCoding {
  /// Everything but the unreserved characters encoded; `/` too unless it is to be kept.
  package static func encode(_ bytes: some Sequence<UInt8>, keepingSlash: Bool = false) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var result: [UInt8] = []
    for byte in bytes {
      if isUnreserved(byte) || keepingSlash && byte == UInt8(ascii: "/") {
        result.append(byte)
      } else {
        result.append(contentsOf: [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]])
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// The bytes meant by `text`; a `%` without two hexadecimal digits behind it stands for itself.
  package static func decodeBytes(_ text: some StringProtocol) -> [UInt8] {
    let bytes = Array(text.utf8)
    guard bytes.contains(UInt8(ascii: "%")) else { return bytes }
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = Hexadecimal.value(bytes[index + 1]),
        let low = Hexadecimal.value(bytes[index + 2])
      {
        result.append(high << 4 | low)
        index += 3
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return result
  }

  package static func decode(_ text: some StringProtocol) -> String { String(decoding: decodeBytes(text), as: UTF8.self) }

  private static func isUnreserved(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
    default: false
    }
  }
}
