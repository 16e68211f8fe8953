internal import Signing
internal import FoundationEssentials
internal import FunctionModel

/// One page of a list: `MaxItems` and `Marker` in, `NextMarker` out.
struct Page<Item> {
  var items: [Item]
  /// `nil` on the last page.
  var nextMarker: String?

  /// - Parameters:
  ///   - items: all of them, in the order of the list.
  ///   - bound: the largest `MaxItems` the operation accepts.
  ///   - size: how many a page holds at most, whatever is asked for.
  ///   - key: what the marker remembers of the last item shown.
  ///   - follows: whether an item comes behind the one the marker remembers; that one may be gone by now.
  init(
    _ items: [Item], _ target: RequestTarget, bound: Int, size: Int = 50, key: (Item) -> String, follows: (Item, String) -> Bool
  ) throws(ServiceError) {
    let wanted = try Self.count(target, bound: bound) ?? size
    var rest = items[...]
    if let marker = target.value("Marker"), !marker.isEmpty {
      guard let data = Data(base64Encoded: marker), !data.isEmpty else { throw .invalidParameterValue("Invalid Marker value: \(marker)") }
      let last = String(decoding: data, as: UTF8.self)
      rest = rest.drop { !follows($0, last) }
    }
    let page = rest.prefix(min(wanted, size))
    self.items = Array(page)
    nextMarker = page.count < rest.count ? page.last.map { Data(key($0).utf8).base64EncodedString() } : nil
  }

  private static func count(_ target: RequestTarget, bound: Int) throws(ServiceError) -> Int? {
    guard let text = target.value("MaxItems"), !text.isEmpty else { return nil }
    guard let count = Int(text) else { throw .serialization("\(text) can not be converted to an Integer") }
    var report = ConstraintReport()
    report.check(.integer(count), at: "maxItems", [.value(1...bound)])
    try report.finish()
    return count
  }
}
