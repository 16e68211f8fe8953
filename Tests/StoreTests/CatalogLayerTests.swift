import FunctionModel
import GRDB
import Testing

@testable import Store

@Suite struct CatalogLayerTests {
  @Test func `the number of a deleted version is not given again, not even after a restart`() async throws {
    try await withTemporaryFolder { folder in
      let id = layerID("l")
      let first = try Catalog(path: folder + "/roost.sqlite")
      for number in 1...2 {
        #expect(try await first.publish(layer: id) { layerVersion(id, $0) }.version == number)
      }
      try await first.deleteLayerVersion(id, 2)
      try await first.deleteLayerVersion(id, 1)
      try await first.deleteLayerVersion(id, 1)
      #expect(try await first.layers(of: owner).isEmpty)
      try await first.close()

      let second = try Catalog(path: folder + "/roost.sqlite")
      #expect(try await second.publish(layer: id) { layerVersion(id, $0) }.version == 3)
      #expect(try await second.layerVersion(id, 2) == nil)
      #expect(try await second.layerVersion(id, 3) == layerVersion(id, 3))
    }
  }

  @Test func `versions come newest first and layers by name with their newest version`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      for name in ["z", "a", "z", "z"] {
        _ = try await catalog.publish(layer: layerID(name)) { layerVersion(layerID(name), $0) }
      }
      try await catalog.deleteLayerVersion(layerID("z"), 3)
      #expect(try await catalog.layerVersions(layerID("z")).map(\.version) == [2, 1])
      #expect(try await catalog.layers(of: owner).map { [$0.id.name, "\($0.version)"] } == [["a", "1"], ["z", "2"]])
      #expect(try await catalog.layers(of: Owner(account: "111111111111", region: "us-east-1")).isEmpty)
    }
  }

  @Test func `versions published at once get different numbers`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      let id = layerID("l")
      let numbers = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<20 { group.addTask { try await catalog.publish(layer: id) { layerVersion(id, $0) }.version } }
        return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
      }
      #expect(numbers == Set(1...20))
    }
  }
}

@Suite struct CatalogUserIDTests {
  @Test func `leased user ids are different and durable`() async throws {
    try await withTemporaryFolder { folder in
      let first = try Catalog(path: folder + "/roost.sqlite")
      let leased = try await withThrowingTaskGroup(of: UInt32.self) { group in
        for index in 0..<20 { group.addTask { try await first.leaseUserID(for: "e\(index)", from: 100...119) } }
        return try await group.reduce(into: Set<UInt32>()) { $0.insert($1) }
      }
      #expect(leased == Set(100...119))
      await #expect(throws: CatalogError.noUserIDLeft) { try await first.leaseUserID(for: "x", from: 100...119) }

      let second = try Catalog(path: folder + "/roost.sqlite")  // the first was not closed
      await #expect(throws: CatalogError.noUserIDLeft) { try await second.leaseUserID(for: "x", from: 100...119) }
      try await second.releaseUserID(107)
      #expect(try await second.leaseUserID(for: "x", from: 100...119) == 107)
      #expect(try await second.leasedUserIDs()[107] == "x")
      try await second.releaseAllUserIDs()
      #expect(try await second.leasedUserIDs().isEmpty)
    }
  }

  @Test func `a released user id rests while others are free`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      var given: [UInt32] = []
      for _ in 0..<5 {
        let userID = try await catalog.leaseUserID(for: "e", from: 7...9)
        try await catalog.releaseUserID(userID)
        given.append(userID)
      }
      #expect(given == [7, 8, 9, 7, 8])
    }
  }

  @Test func `a range of one user id is enough for one`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      #expect(try await catalog.leaseUserID(for: "e", from: 5...5) == 5)
      await #expect(throws: CatalogError.noUserIDLeft) { try await catalog.leaseUserID(for: "e", from: 5...5) }
    }
  }

  @Test func `a full synchronous setting is back after a lease`() async throws {
    try await withTemporaryFolder { folder in
      let catalog = try Catalog(path: folder + "/roost.sqlite")
      #expect(try await catalog.read("read setting") { try Int.fetchOne($0, sql: "PRAGMA synchronous") } == 2)
      _ = try await catalog.leaseUserID(for: "e", from: 5...6)
      await #expect(throws: CatalogError.noUserIDLeft) { try await catalog.leaseUserID(for: "e", from: 5...5) }
      #expect(try await catalog.read("read setting") { try Int.fetchOne($0, sql: "PRAGMA synchronous") } == 2)
    }
  }
}
