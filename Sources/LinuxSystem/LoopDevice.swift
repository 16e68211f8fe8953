import CLinux
import Glibc

/// A block device whose content is a file. loop(4).
///
/// It clears itself when its last descriptor and its last mount are gone (`LO_FLAGS_AUTOCLEAR`), and holds the file, which needs no name
/// and no other descriptor.
package struct LoopDevice: ~Copyable, Sendable {
  package let path: String
  /// Whether it reads and writes around the page cache. Where the file's file system cannot, every block of it is cached twice.
  package let usesDirectIO: Bool
  private let descriptor: Descriptor

  /// LOOP_CTL_GET_FREE and LOOP_CONFIGURE (since 5.8) with blocks of 4096 bytes; direct I/O where the kernel grants it.
  package init(of file: borrowing Descriptor) throws(SystemError) {
    let control = try Descriptor.open("/dev/loop-control", flags: O_RDWR)
    // Others take loop devices as well: between "free" and "ours" one can be lost, but not again and again.
    var attempts = 32
    while true {
      let path = "/dev/loop\(try checked(clinux_loop_free(control.rawValue), "ioctl LOOP_CTL_GET_FREE", ""))"
      let device = try Descriptor.open(path, flags: O_RDWR)
      let answer = Self.configure(device, file)
      attempts -= 1
      if answer == -EBUSY && attempts > 0 { continue }
      try checked(answer, "ioctl LOOP_CONFIGURE", path)
      let flags = try checked(clinux_loop_flags(device.rawValue), "ioctl LOOP_GET_STATUS64", path)
      self.path = path
      usesDirectIO = flags & Int32(CLINUX_LOOP_DIRECT_IO) != 0
      descriptor = device
      return
    }
  }

  private static func configure(_ device: borrowing Descriptor, _ file: borrowing Descriptor) -> CInt {
    let direct = UInt32(CLINUX_LOOP_AUTOCLEAR | CLINUX_LOOP_DIRECT_IO)
    let answer = clinux_loop_configure(device.rawValue, file.rawValue, direct)
    // Kernels that mind that the file cannot do it say EINVAL; others grant the rest, which the flags tell afterwards.
    guard answer == -EINVAL else { return answer }
    return clinux_loop_configure(device.rawValue, file.rawValue, UInt32(CLINUX_LOOP_AUTOCLEAR))
  }
}
