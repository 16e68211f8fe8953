/// Takes records out of bytes that come in pieces of any size. It holds no more than one record and one piece.
package struct ArchiveRecordReader: Sendable {
  /// The bytes are no records. Whoever sent them is broken or hostile.
  package struct Fault: Error, Sendable, Hashable {
    package var reason: String
  }

  private var buffer: [UInt8] = []
  private var position = 0

  package init() {}

  /// Whether everything that was appended has been taken.
  package var isEmpty: Bool { position == buffer.count }

  package mutating func append(_ bytes: [UInt8]) {
    if isEmpty {
      buffer = bytes
    } else {
      buffer.removeFirst(position)
      buffer.append(contentsOf: bytes)
    }
    position = 0
  }

  /// The next record; `nil` until more bytes are appended.
  package mutating func next() throws(Fault) -> ArchiveRecord? {
    guard buffer.count - position >= ArchiveRecord.headLength else { return nil }
    guard let kind = ArchiveRecord.Kind(rawValue: buffer[position]) else { throw Fault(reason: "a record of kind \(buffer[position])") }
    let length = Int(number(buffer[position + 1..<position + ArchiveRecord.headLength]))
    // Before its bytes have come: a length that no record has must not be waited for.
    guard kind.lengths.contains(length) else { throw Fault(reason: "a \(kind) record of \(length) bytes") }
    let start = position + ArchiveRecord.headLength
    guard buffer.count - start >= length else { return nil }
    guard let record = ArchiveRecord(kind, buffer[start..<start + length]) else { throw Fault(reason: "a malformed \(kind) record") }
    position = start + length
    return record
  }
}
