import FoundationEssentials

/// Makes small zip archives, stored without compression.
enum Zip {
  static func archive(_ files: KeyValuePairs<String, String>) -> [UInt8] {
    var archive: [UInt8] = []
    var directory: [UInt8] = []
    for (name, text) in files {
      let data = Array(text.utf8)
      let common =
        little(20, 2) + little(0, 2) + little(0, 2) + little(0, 4) + little(crc(data), 4) + little(UInt32(data.count), 4)
        + little(UInt32(data.count), 4) + little(UInt32(name.utf8.count), 2) + little(0, 2)
      directory += little(0x0201_4B50, 4) + little(0x0314, 2) + common + little(0, 2) + little(0, 2) + little(0, 2)
      directory += little(0o100644 << 16, 4) + little(UInt32(archive.count), 4) + Array(name.utf8)
      archive += little(0x0403_4B50, 4) + common + Array(name.utf8) + data
    }
    let start = UInt32(archive.count)
    archive += directory + little(0x0605_4B50, 4) + little(0, 4) + little(UInt32(files.count), 2) + little(UInt32(files.count), 2)
    return archive + little(UInt32(directory.count), 4) + little(start, 4) + little(0, 2)
  }

  static func base64(_ files: KeyValuePairs<String, String>) -> String { Data(archive(files)).base64EncodedString() }

  private static func little(_ value: UInt32, _ bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
  }

  private static func crc(_ data: [UInt8]) -> UInt32 {
    ~data.reduce(~0) { crc, byte in
      (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }
  }
}
