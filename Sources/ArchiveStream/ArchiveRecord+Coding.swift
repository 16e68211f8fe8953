extension ArchiveRecord {
  package static let maximumPath = 16_384
  package static let maximumTarget = 4_095
  package static let maximumData = 131_072
  /// Of each of the two texts of a refusal.
  static let maximumText = 1_024

  enum Kind: UInt8 {
    case directory = 1
    case file = 2
    case link = 3
    case data = 4
    case end = 5
    case refusal = 6

    /// How long a record of this kind may be, without its head.
    var lengths: ClosedRange<Int> {
      switch self {
      case .directory: 1...maximumPath
      case .file: 10...9 + maximumPath
      case .link: 4...2 + maximumPath + maximumTarget
      case .data: 1...maximumData
      case .end: 0...0
      case .refusal: 3...3 + 2 * maximumText
      }
    }
  }

  static let headLength = 5

  /// Appends the record. Of data there must be at most ``maximumData`` bytes, and at least one.
  package func encode(into bytes: inout [UInt8]) {
    switch self {
    case .directory(let path): encode(.directory, path, into: &bytes)
    case .file(let path, let size, let isExecutable):
      encode(.file, [isExecutable ? 1 : 0] + littleEndian(UInt64(size)) + path, into: &bytes)
    case .link(let path, let target): encode(.link, littleEndian(UInt16(path.count)) + path + target, into: &bytes)
    case .data(let data): encode(.data, data, into: &bytes)
    case .end: encode(.end, [], into: &bytes)
    case .refusal(let refusal): encode(.refusal, refusal.encoded, into: &bytes)
    }
  }

  private func encode(_ kind: Kind, _ payload: some Collection<UInt8>, into bytes: inout [UInt8]) {
    precondition(kind.lengths.contains(payload.count), "a record of \(payload.count) bytes")
    bytes.append(kind.rawValue)
    bytes.append(contentsOf: littleEndian(UInt32(payload.count)))
    bytes.append(contentsOf: payload)
  }

  /// `nil` unless the payload is one of that kind.
  init?(_ kind: Kind, _ payload: ArraySlice<UInt8>) {
    let start = payload.startIndex
    switch kind {
    case .directory: self = .directory(path: Array(payload))
    case .file:
      guard payload[start] <= 1, let size = Int64(exactly: number(payload[start + 1..<start + 9])) else { return nil }
      self = .file(path: Array(payload[(start + 9)...]), size: size, isExecutable: payload[start] == 1)
    case .link:
      let pathLength = Int(number(payload[start..<start + 2]))
      guard (1...Self.maximumPath).contains(pathLength), payload.count > 2 + pathLength,
        payload.count - 2 - pathLength <= Self.maximumTarget
      else { return nil }
      self = .link(path: Array(payload[start + 2..<start + 2 + pathLength]), target: Array(payload[(start + 2 + pathLength)...]))
    case .data: self = .data(payload)
    case .end: self = .end
    case .refusal:
      guard let refusal = ArchiveRefusal(decoding: payload) else { return nil }
      self = .refusal(refusal)
    }
  }
}

extension ArchiveRefusal {
  fileprivate var encoded: [UInt8] {
    let (code, name, words): (UInt8, String, String) =
      switch self {
      case .notAZip(let reason): (1, "", reason)
      case .empty: (2, "", "")
      case .tooLargeUnzipped: (3, "", "")
      case .tooManyEntries: (4, "", "")
      case .unsafeEntry(let name, let reason): (5, name, reason)
      }
    let nameBytes = name.utf8.prefix(ArchiveRecord.maximumText)
    return [code] + littleEndian(UInt16(nameBytes.count)) + nameBytes + words.utf8.prefix(ArchiveRecord.maximumText)
  }

  fileprivate init?(decoding payload: ArraySlice<UInt8>) {
    let start = payload.startIndex
    let nameLength = Int(number(payload[start + 1..<start + 3]))
    guard payload.count - 3 >= nameLength else { return nil }
    // For people's eyes, and no more to be trusted than the rest.
    let name = String(printing: payload[start + 3..<start + 3 + nameLength], limit: ArchiveRecord.maximumText)
    let words = String(printing: payload[(start + 3 + nameLength)...], limit: ArchiveRecord.maximumText)
    switch payload[start] {
    case 1: self = .notAZip(reason: words)
    case 2: self = .empty
    case 3: self = .tooLargeUnzipped
    case 4: self = .tooManyEntries
    case 5: self = .unsafeEntry(name: name, reason: words)
    default: return nil
    }
  }
}
