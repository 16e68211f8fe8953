import NIOCore

/// The records that wait for one subscriber, each encoded already, within a bound; what goes beyond is counted and not kept.
struct TelemetryBuffer {
  private let items: Int
  private let bytes: Int
  private var waiting = CircularBuffer<[UInt8]>(initialCapacity: 0)
  /// Of the records that wait.
  private(set) var heldBytes = 0
  /// Lost since the last report of it.
  private(set) var dropped = Dropped()

  struct Dropped: Equatable {
    var records = 0
    var bytes = 0
    var isEmpty: Bool { records == 0 }
  }

  /// Records to be sent together.
  struct Batch {
    var records: [[UInt8]]
    var bytes: Int
  }

  init(_ buffering: TelemetrySubscription.Buffering) {
    items = buffering.items
    bytes = buffering.bytes
  }

  var isEmpty: Bool { waiting.isEmpty }

  /// Whether there is enough for a batch before its time.
  var isFull: Bool { waiting.count >= items || heldBytes >= bytes }

  /// What may wait in all: one batch that is being collected behind one that is being sent.
  private var capacity: Int { 2 * bytes }

  /// - Returns: false if the record was dropped.
  @discardableResult mutating func add(_ record: [UInt8], beside sending: Int = 0, room: Int = .max) -> Bool {
    guard heldBytes + sending + record.count <= capacity, record.count <= room, waiting.count < 2 * items else {
      drop(record.count)
      return false
    }
    waiting.append(record)
    heldBytes += record.count
    return true
  }

  /// What could not be sent counts as dropped too.
  mutating func drop(_ batch: Batch) {
    dropped.records += batch.records.count
    dropped.bytes += batch.bytes
  }

  private mutating func drop(_ count: Int) {
    dropped.records += 1
    dropped.bytes += count
  }

  /// Forgets what was dropped, for its report is on its way.
  mutating func takeDropped() -> Dropped {
    defer { dropped = Dropped() }
    return dropped
  }

  /// The oldest records, as many as make one batch; at least one if there is any.
  mutating func takeBatch() -> Batch? {
    var batch = Batch(records: [], bytes: 0)
    while batch.records.count < items, let next = waiting.first, batch.records.isEmpty || batch.bytes + next.count <= bytes {
      batch.records.append(waiting.removeFirst())
      batch.bytes += next.count
    }
    heldBytes -= batch.bytes
    return batch.records.isEmpty ? nil : batch
  }
}

extension TelemetryBuffer.Batch {
  /// A JSON array.
  var array: ByteBuffer {
    var buffer = ByteBuffer()
    buffer.reserveCapacity(bytes + records.count + 2)
    for (index, record) in records.enumerated() {
      buffer.writeInteger(UInt8(ascii: index == 0 ? "[" : ","))
      buffer.writeBytes(record)
    }
    buffer.writeInteger(UInt8(ascii: "]"))
    return buffer
  }

  /// One record a line.
  var lines: ByteBuffer {
    var buffer = ByteBuffer()
    buffer.reserveCapacity(bytes + records.count)
    for record in records {
      buffer.writeBytes(record)
      buffer.writeInteger(UInt8(ascii: "\n"))
    }
    return buffer
  }
}
