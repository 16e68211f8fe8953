import CLinux
import Glibc

/// A family of sockets that not every kernel has, or gives to everybody.
package enum SocketFamily: Sendable, Hashable {
  /// AF_ALG, the kernel's cryptography.
  case cryptography

  /// Whether this process gets one. The kernel may load a module to answer.
  package var isAvailable: Bool {
    switch self {
    case .cryptography: clinux_socket_family_probe(AF_ALG, CInt(SOCK_SEQPACKET.rawValue)) == 0
    }
  }
}
