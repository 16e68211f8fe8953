import CLinux
import Glibc

/// A system call that sandboxes cannot be made without, and that an old kernel or a container's filter may lack.
package enum SystemCallProbe: String, Sendable, Hashable, CaseIterable {
  case clone3
  case pidfdOpen = "pidfd_open"
  case openat2
  case fsopen

  /// Tries the call in a way that changes nothing. A kernel without it, and a filter that hides it, answer ENOSYS; any other answer,
  /// EPERM for want of rights among them, comes from the call itself.
  package var isAvailable: Bool {
    let answer: CInt =
      switch self {
      case .clone3: clinux_clone3_probe()
      case .pidfdOpen: clinux_pidfd_open(getpid())
      case .openat2: unsafe clinux_openat2(AT_FDCWD, "/", UInt64(O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0, 0)
      case .fsopen: unsafe clinux_fsopen("tmpfs")
      }
    if answer >= 0 { _ = Descriptor(owning: answer) }
    return answer != -ENOSYS
  }
}
