import NIOCore
import NIOPosix

/// A socket file whose server is gone, as a killed daemon leaves it.
enum StaleSocket {
  static func leave(at path: String) async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let channel = try await ServerBootstrap(group: group).bind(unixDomainSocketPath: path).get()
    // Closing does not unlink.
    try await channel.close()
  }
}
