import ArchiveStream
import CZlib

/// The data of an entry, stored or deflated, piece by piece and against its checksum. The only caller of zlib.
///
/// `@safe`: the stream has a place of its own (zlib keeps a pointer to it), freed by the one owner, and is given no memory but for the
/// length of a call.
@safe struct Inflater: ~Copyable {
  private let stream: UnsafeMutablePointer<z_stream>
  private var piece = [UInt8](repeating: 0, count: ArchiveRecord.maximumData)

  init() {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    guard unsafe czlib_start_raw(stream) == Z_OK else { fatalError("inflateInit2: out of memory") }
  }

  deinit {
    _ = unsafe inflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// Calls `body` with the unpacked data of `entry`, which is not one byte longer or shorter than declared.
  mutating func data(
    of entry: ZipEntry, in zip: [UInt8], _ body: (ArraySlice<UInt8>) throws(ArchiveRefusal) -> Void
  ) throws(ArchiveRefusal) {
    var left = entry.size
    var checksum: UInt = 0
    try pieces(of: entry, in: zip) { (piece) throws(ArchiveRefusal) in
      guard piece.count <= left else { throw .notAZip(reason: "\(entry.shownName) is larger than declared") }
      left -= Int64(piece.count)
      checksum = Self.checksum(piece, after: checksum)
      if !piece.isEmpty { try body(piece) }
    }
    guard left == 0 else { throw .notAZip(reason: "\(entry.shownName) is smaller than declared") }
    guard checksum == entry.checksum else { throw .notAZip(reason: "\(entry.shownName) has a wrong checksum") }
  }

  /// CRC-32 of `bytes`, or of what it went on for so far and `bytes`.
  static func checksum(_ bytes: some Collection<UInt8>, after checksum: UInt = 0) -> UInt {
    let answer = bytes.withContiguousStorageIfAvailable { unsafe crc32(checksum, $0.baseAddress, UInt32($0.count)) }
    return answer ?? Self.checksum(Array(bytes), after: checksum)
  }

  private mutating func pieces(
    of entry: ZipEntry, in zip: [UInt8], _ body: (ArraySlice<UInt8>) throws(ArchiveRefusal) -> Void
  ) throws(ArchiveRefusal) {
    // Nothing, not even an empty block, is how some programs deflate an empty file.
    guard entry.isDeflated, !entry.data.isEmpty else {
      for start in stride(from: entry.data.lowerBound, to: entry.data.upperBound, by: piece.count) {
        try body(zip[start..<min(start + piece.count, entry.data.upperBound)])
      }
      return
    }
    _ = unsafe inflateReset(stream)
    var position = entry.data.lowerBound
    while true {
      let step = inflate(zip, position..<entry.data.upperBound)
      position += step.consumed
      guard step.answer == Z_OK || step.answer == Z_STREAM_END, step.consumed + step.produced > 0 else {
        throw .notAZip(reason: "the data of \(entry.shownName) is damaged")
      }
      try body(piece[..<step.produced])
      if step.answer == Z_STREAM_END { break }
    }
    guard position == entry.data.upperBound else { throw .notAZip(reason: "the data of \(entry.shownName) is damaged") }
  }

  /// One call of inflate(3) from `range` of the zip, which is within it, into `piece`.
  private mutating func inflate(_ zip: [UInt8], _ range: Range<Int>) -> (answer: CInt, consumed: Int, produced: Int) {
    let available = UInt32(clamping: range.count)
    let room = UInt32(piece.count)
    let answer = unsafe zip.withUnsafeBufferPointer { source in
      unsafe piece.withUnsafeMutableBufferPointer { target in
        // zlib reads through the pointer only, and takes it as one to write for want of a const.
        unsafe stream.pointee.next_in = unsafe UnsafeMutablePointer(mutating: source.baseAddress.map { unsafe $0 + range.lowerBound })
        unsafe stream.pointee.avail_in = available
        unsafe stream.pointee.next_out = target.baseAddress
        unsafe stream.pointee.avail_out = room
        return unsafe CZlib.inflate(stream, Z_NO_FLUSH)
      }
    }
    return unsafe (answer, Int(available - stream.pointee.avail_in), Int(room - stream.pointee.avail_out))
  }
}
