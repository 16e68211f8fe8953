import FunctionModel
import Testing

@testable import Store

@Suite struct EventQueueTests {
  private func event(_ requestID: String, of name: String = "f", accepted: Int64 = 1_000) -> QueuedEvent {
    QueuedEvent(
      requestID: requestID, function: functionID(name), qualifier: "live", payload: Array(#"{"a":1}"#.utf8), clientContext: "{}",
      traceID: "Root=1-0-0", accepted: accepted)
  }

  private func due(_ queue: EventQueue, of name: String = "f", at now: Int64, limit: Int = 10, excluding held: Set<String> = [])
    async throws
    -> [String]
  {
    try await queue.due(of: functionID(name), at: now, limit: limit, excluding: held).events.map(\.requestID)
  }

  @Test func `what was accepted is found again after a crash, in order, when it is due`() async throws {
    try await withTemporaryFolder { folder in
      let first = EventQueue(try Catalog(path: folder + "/roost.sqlite"))
      try await first.accept(event("a"))
      try await first.accept(event("b", accepted: 900))
      try await first.postpone("a", until: 5_000, attempts: 2)

      // The first is not closed: as after a kill.
      let second = EventQueue(try Catalog(path: folder + "/roost.sqlite"))
      #expect(try await due(second, at: 899) == [])
      #expect(try await due(second, at: 4_999) == ["b"])
      #expect(try await due(second, at: 5_000) == ["b", "a"])
      var expected = event("a")
      expected.attempts = 2
      #expect(try await second.due(of: functionID("f"), at: 5_000, limit: 10, excluding: ["b"]).events == [expected])
    }
  }

  @Test func `every function with events has a lane, with the first instant at which one is due`() async throws {
    try await withTemporaryFolder { folder in
      let queue = EventQueue(try Catalog(path: folder + "/roost.sqlite"))
      #expect(try await queue.lanes() == [])
      for (requestID, name, accepted) in [("1", "b", 3), ("2", "a", 7), ("3", "b", 2), ("4", "c", 1), ("5", "a", 9)]
        as [(String, String, Int64)]
      {
        try await queue.accept(event(requestID, of: name, accepted: accepted))
      }
      #expect(
        try await queue.lanes() == [("a", 7), ("b", 2), ("c", 1)].map { EventQueue.Lane(function: functionID($0.0), due: $0.1) })
      try await queue.removeAll(of: functionID("b"))
      try await queue.settle("4")
      #expect(try await queue.lanes().map(\.function.name) == ["a"])
      #expect(try await queue.count() == 2)
    }
  }

  @Test func `an event is settled together with what follows from it`() async throws {
    try await withTemporaryFolder { folder in
      let queue = EventQueue(try Catalog(path: folder + "/roost.sqlite"))
      try await queue.accept(event("a"))
      let delivery = QueuedDelivery(
        id: "d", kind: .failure, target: "arn:aws:sqs:us-east-1:000000000000:q", function: functionID("f"), functionARN: "arn",
        requestID: "a",
        role: "r", body: [1, 2], errorMessage: "m", made: 5)
      try await queue.settle("a", followedBy: [event("b", of: "g")], [delivery])
      #expect(try await due(queue, at: 9_999) == [])
      #expect(try await due(queue, of: "g", at: 9_999) == ["b"])
      #expect(try await queue.dueDeliveries(at: 5, limit: 9, excluding: []).deliveries == [delivery])
      #expect(try await queue.dueDeliveries(at: 5, limit: 9, excluding: ["d"]).deliveries == [])
      try await queue.postponeDelivery("d", until: 8)
      let later = try await queue.dueDeliveries(at: 7, limit: 9, excluding: [])
      #expect(later.deliveries == [] && later.next == 8)
      #expect(try await queue.dueDeliveries(at: 8, limit: 9, excluding: []).deliveries.map(\.attempts) == [1])
      try await queue.settleDelivery("d")
      #expect(try await queue.dueDeliveries(at: 9, limit: 9, excluding: []).next == nil)
    }
  }

  @Test func `those that are worked on are left out, and no more are read than asked for`() async throws {
    try await withTemporaryFolder { folder in
      let queue = EventQueue(try Catalog(path: folder + "/roost.sqlite"))
      for number in 0..<9 { try await queue.accept(event("\(number)", accepted: Int64(number))) }
      #expect(try await due(queue, at: 99, limit: 3, excluding: ["0", "2"]) == ["1", "3", "4"])
    }
  }

  @Test func `many at once are all kept, and one that cannot be is told of`() async throws {
    try await withTemporaryFolder { folder in
      let queue = EventQueue(try Catalog(path: folder + "/roost.sqlite"))
      try await withThrowingTaskGroup { group in
        for number in 0..<500 { group.addTask { try await queue.accept(event("\(number)")) } }
        try await group.waitForAll()
      }
      #expect(try await queue.count() == 500)
      await #expect(throws: CatalogError.self) { try await queue.accept(event("7")) }
      #expect(try await queue.count() == 500)
    }
  }
}
