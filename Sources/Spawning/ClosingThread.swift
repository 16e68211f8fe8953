import LinuxSystem
import Synchronization

/// Closes descriptors that an untrusted process may have made.
///
/// The last close(2) of a file can wait as long as its maker likes: for a socket that lingers, or a file server. roostd's one thread never
/// does that: a thread is made for it, which ends when the close does. Since Linux 6.16 the kernel refuses such descriptors at the
/// border, and nothing here waits.
enum ClosingThread {
  /// So many may wait before no further supervisor is started: one that was taken over shall not fill roostd with them.
  static let limit = 8
  private static let underWay = Atomic<Int>(0)

  /// Whether ``limit`` is reached.
  static var isCrowded: Bool { underWay.load(ordering: .relaxed) >= limit }

  /// Returns at once. pthread_create(3); where that fails they stay open, as long as roostd lives.
  static func close(_ descriptors: consuming DescriptorList) {
    let numbers = descriptors.release()
    underWay.add(1, ordering: .relaxed)
    do throws(SystemError) {
      try startThread(named: "roost-close") {
        do { _ = DescriptorList(owning: numbers) }
        underWay.subtract(1, ordering: .relaxed)
      }
    } catch {
      underWay.subtract(1, ordering: .relaxed)
      note("\(numbers.count) descriptors of a supervisor stay open: \(error)")
    }
  }
}
