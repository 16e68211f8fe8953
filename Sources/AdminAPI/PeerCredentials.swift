import Glibc
package import NIOCore

/// Who is at the other end of a Unix socket, as the kernel noted when the connection was made.
package struct PeerCredentials: Sendable, Hashable {
  /// Laid out as `struct ucred` of unix(7): three 32-bit members. The process may have ended since; decide by the ids.
  package var process: Int32
  package var user: UInt32
  package var group: UInt32

  package init(process: Int32, user: UInt32, group: UInt32) {
    self.process = process
    self.user = user
    self.group = group
  }

  /// getsockopt(2), SO_PEERCRED; `nil` for a channel that is no socket.
  package static func of(_ channel: any Channel) async throws -> PeerCredentials? {
    guard let socket = channel as? any SocketOptionProvider else { return nil }
    return try await socket.unsafeGetSocketOption(level: SocketOptionLevel(SOL_SOCKET), name: SocketOptionName(SO_PEERCRED)).get()
  }
}
