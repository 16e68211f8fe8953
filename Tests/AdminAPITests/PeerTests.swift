import FoundationEssentials
import Glibc
import Hummingbird
import NIOHTTP1
import Subprocess
import Testing

@testable import AdminAPI
@testable import roost

@Suite struct AdminAccessTests {
  static let access = AdminAccess(user: 995, group: 994) {
    (groups: "root:x:0:\nroost:x:994:anna,bert\nstaff:x:50:carl\n", users: "root:x:0:0::/:\nanna:x:1000:1000::/:\ncarl:x:1002:1002::/:\n")
  }

  @Test(
    arguments: [
      (0, 0, true), (995, 994, true), (995, 1, true), (1_005, 994, true), (1_000, 1_000, true), (1_002, 1_002, false),
      (1_001, 1_001, false),
      (65_534, 65_534, false),
    ] as [(UInt32, UInt32, Bool)])
  func `root, the daemon's user and its group's members may, others not`(user: UInt32, group: UInt32, may: Bool) {
    #expect(Self.access.permits(PeerCredentials(process: 1, user: user, group: group)) == may)
  }

  @Test(arguments: ["", "\n\n", "roost", "roost:x", "roost:x:994", "roost:x:abc:anna", ":::", "roost:x:994:"])
  func `a damaged database lets nobody in`(text: String) {
    let access = AdminAccess(user: 995, group: 994) { (groups: text, users: text) }
    #expect(!access.permits(PeerCredentials(process: 1, user: 1_000, group: 1_000)))
  }
}

@Suite struct PeerTests {
  @Test func `the peer is who connected`() async throws {
    let access = AdminAccess(user: 4_000_000, group: 4_000_000) { (groups: "", users: "") }
    try await ServedSocket.serving(access: access) { served, _ in
      // This process is root, or it is nobody the access knows.
      let response = try await served.client.send(AdminRequest(.GET, "/admin/host"))
      #expect(response.status == (geteuid() == 0 ? 200 : 403))
    }
  }

  @Test(.enabled(if: geteuid() == 0, "needs root, to become another user"))
  func `a stranger is refused on every path, even if the socket lets it connect`() async throws {
    try await ServedSocket.serving(mount: { $0.get("/2015-03-31/functions") { _, _ in "{}" } }) { served, backend in
      try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: served.path)
      for path in ["/admin/host", "/2015-03-31/functions", "/nonsense"] {
        let answer = try await Self.curl(served.path, path, user: 65_534)
        #expect(answer == #"{"message":"only root, the daemon's user and members of its group may do this"}403"#)
      }
      let root = try await Self.curl(served.path, "/2015-03-31/functions", user: 0)
      #expect(root == "{}200")
    }
  }

  @Test(.enabled(if: geteuid() == 0, "needs root, to become another user"))
  func `a stranger cannot even connect to the socket as it is`() async throws {
    try await ServedSocket.serving { served, _ in
      let answer = try await Self.curl(served.path, "/admin/host", user: 65_534)
      #expect(answer == "000")
    }
  }

  /// Body and status, as that user without any further group.
  private static func curl(_ socket: String, _ path: String, user: Int) async throws -> String {
    let result = try await run(
      .name("setpriv"),
      arguments: [
        "--reuid", "\(user)", "--regid", "\(user)", "--clear-groups", "curl", "--silent", "--max-time", "20", "--write-out", "%{http_code}",
        "--unix-socket", socket, "http://localhost\(path)",
      ], output: .string(limit: 65_536))
    return result.standardOutput
  }
}
