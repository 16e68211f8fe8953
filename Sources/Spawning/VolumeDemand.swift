/// Which sizes of `/tmp` are kept ready, and how many of each, as a pure value.
///
/// Lambda's default size is nearly everybody's and always wanted. Another size is wanted from the first time that somebody asks for it until
/// nobody has for ``memory``. Who finds none ready shows that more are wanted at a time; that is forgotten as well.
struct VolumeDemand {
  static let everybodys: UInt32 = 512
  /// Sizes at once; a volume that is ready costs a loop device and about 0.2 MB.
  static let sizeLimit = 8
  static let memory = Duration.seconds(600)

  private struct Interest {
    var lastAsked: ContinuousClock.Instant
    var lastMissed: ContinuousClock.Instant?
    var count: Int
  }

  /// How many of each size, in quiet times; 0 keeps nothing ready.
  let target: Int
  private let limit: Int
  private var interests: [UInt32: Interest] = [:]

  init(target: Int, growth: Int = 4) {
    self.target = target
    limit = growth * target
  }

  /// Somebody asked for one of this size, and there was none ready, or there was.
  mutating func note(_ megabytes: UInt32, missed: Bool, at now: ContinuousClock.Instant) {
    var interest = interests[megabytes] ?? Interest(lastAsked: now, count: target)
    interest.lastAsked = now
    // The first of a size always misses, which says nothing about how many come at once.
    if missed, interests[megabytes] != nil {
      interest.count = min(interest.count + 1, limit)
      interest.lastMissed = now
    }
    interests[megabytes] = interest
    while interests.count > Self.sizeLimit, let oldest = interests.min(by: { $0.value.lastAsked < $1.value.lastAsked }) {
      interests[oldest.key] = nil
    }
  }

  func wanted(_ megabytes: UInt32) -> Int {
    interests[megabytes]?.count ?? (megabytes == Self.everybodys ? target : 0)
  }

  /// The sizes of which some are wanted.
  var sizes: Set<UInt32> { Set(interests.keys).union([Self.everybodys]) }

  /// Forgets what is too long ago.
  ///
  /// - Returns: when to ask again; `nil` while there is nothing to forget.
  mutating func forget(at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
    interests = interests.filter { $0.value.lastAsked + Self.memory > now }
    for (megabytes, interest) in interests {
      guard let missed = interest.lastMissed, missed + Self.memory <= now else { continue }
      interests[megabytes] = Interest(lastAsked: interest.lastAsked, lastMissed: nil, count: target)
    }
    return interests.values.map { min($0.lastAsked, $0.lastMissed ?? $0.lastAsked) + Self.memory }.min()
  }
}
