import AdminAPI
import FoundationEssentials
import FunctionModel
import Hummingbird
import Logging

@testable import roost

/// An admin server on a socket in a directory of its own, while a test talks to it.
struct ServedSocket: Sendable {
  var path: String
  var client: AdminClient { AdminClient(socketPath: path) }

  static func serving(
    _ contents: FakeBackend.Contents = .init(), access: AdminAccess = .ofThisProcess, staleSocket: Bool = false,
    mount: @escaping @Sendable (Router<AdminRequestContext>) -> Void = { _ in },
    _ body: @escaping @Sendable (ServedSocket, FakeBackend) async throws -> Void
  ) async throws {
    let directory = "/tmp/roost-admin-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let served = ServedSocket(path: "\(directory)/admin.sock")
    if staleSocket { try await StaleSocket.leave(at: served.path) }
    let backend = FakeBackend(contents)
    let server = AdminServer(
      socketPath: served.path, owner: Samples.owner, backend: backend, access: access,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, mountLambdaPaths: mount)
    let (serving, isServing) = AsyncStream.makeStream(of: Void.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { isServing.finish() }
        try await server.run { isServing.finish() }
      }
      for await _ in serving {}
      try await body(served, backend)
      group.cancelAll()
    }
  }
}
