import LinuxSystem

/// Which addresses of a range nobody has. Neither the first nor the last is anybody's.
struct AddressPool {
  let range: IPv4Network
  private var latest: UInt32
  private var taken: Set<IPv4Address> = []

  /// - Parameter latest: counted from the range's first address; the search begins after it.
  init(_ range: IPv4Network, startingAt latest: UInt32) {
    self.range = range
    self.latest = latest
  }

  /// The longest unused, so that what is still under way to the last owner finds nobody; `nil` when each is somebody's.
  mutating func take() -> IPv4Address? {
    let usable = UInt32(range.count) - 2
    for _ in 0..<usable {
      latest = latest % usable + 1
      let address = IPv4Address(range.first.number + latest)
      if taken.insert(address).inserted { return address }
    }
    return nil
  }

  mutating func give(back addresses: Set<IPv4Address>) { taken.subtract(addresses) }
}
