import SpawnProtocol
import Testing

@Suite struct RefusedFieldTests {
  typealias Change = (inout SandboxRecipe) -> Void

  @Test func `a recipe outside its bounds is refused, at them it is not`() throws {
    let refused: [(String, Change)] = [
      ("runtime", { $0.runtime = "" }), ("runtime", { $0.runtime = "../etc" }), ("runtime", { $0.runtime = ".." }),
      ("runtime", { $0.runtime = "Python" }), ("runtime", { $0.runtime = "a/b" }), ("runtime", { $0.runtime = "a\0" }),
      ("runtime", { $0.runtime = String(repeating: "a", count: 65) }), ("runtime", { $0.runtime = "ä" }),
      ("layer count", { $0.layers = Array(repeating: $0.code, count: 6) }),
      ("host user id", { $0.hostUserID = 0 }), ("host user id", { $0.hostUserID = .max }),
      ("memory", { $0.memoryBytes = (128 << 20) - 1 }), ("memory", { $0.memoryBytes = (10_240 << 20) + 1 }),
      ("process limit", { $0.processLimit = 0 }), ("process limit", { $0.processLimit = 32_769 }),
      ("volume size", { $0.volumeMegabytes = 511 }), ("volume size", { $0.volumeMegabytes = 10_241 }),
      ("subnet", { $0.network = .subnet(32, groups: [0]) }), ("security group", { $0.network = .subnet(0, groups: [64]) }),
      ("security group", { $0.network = .subnet(0, groups: [1, 2, 1]) }),
      ("security group count", { $0.network = .subnet(0, groups: []) }),
      ("security group count", { $0.network = .subnet(0, groups: [0, 1, 2, 3, 4, 5]) }),
    ]
    for (field, change) in refused {
      let packet = SpawnRequest.create(SandboxID(1), Samples.recipe(change)).encoded()
      #expect(throws: SpawnProtocolError.refused(field: field)) { try SpawnRequest(decoding: packet) }
    }
    let accepted: [Change] = [
      { $0.runtime = String(repeating: "a", count: 64) }, { $0.layers = Array(repeating: $0.code, count: 5) },
      { $0.hostUserID = 1 }, { $0.hostUserID = .max - 1 }, { $0.memoryBytes = 10_240 << 20 }, { $0.processLimit = 32_768 },
      { $0.network = .subnet(31, groups: [63, 0, 1, 2, 3]) },
    ]
    for change in accepted {
      let request = SpawnRequest.create(SandboxID(1), Samples.recipe(change))
      #expect(try SpawnRequest(decoding: request.encoded()) == request)
    }
  }

  @Test func `flags, roles, interfaces, steps and numbers outside their sets are refused`() {
    expectRefused("keep volume", [3, 9, 0, 0, 0, 0, 0, 0, 0, 2]) { _ = try SpawnRequest(decoding: $0) }
    let id: [UInt8] = [7, 0, 0, 0, 0, 0, 0, 0]
    let group: [UInt8] = [9, 0, 0, 0, 0, 0, 0, 0]
    expectRefused("tree role", [5, 1, 6]) { _ = try SpawnEvent(decoding: $0) }
    expectRefused("tree role", [5, 2, 1, 1]) { _ = try SpawnEvent(decoding: $0) }
    expectRefused("number of a program", [1, 11, 0, 0, 2, 0, 0, 0]) { _ = try InitEvent(decoding: $0) }
    expectRefused("padding", [3, 1, 0, 0]) { _ = try InitRequest(decoding: $0) }
    expectRefused("process id", [1] + id + [0, 0, 0, 0] + group + [2, 1, 1, 0, 0, 0, 0, 0]) { _ = try SpawnEvent(decoding: $0) }
    expectRefused("freezer", [1] + id + [1, 0, 0, 0] + group + [3, 1, 1, 0, 0, 0, 0, 0]) { _ = try SpawnEvent(decoding: $0) }
    expectRefused("cpu interface", [1] + id + [1, 0, 0, 0] + group + [2, 1, 0, 0, 0, 0, 0, 0]) { _ = try SpawnEvent(decoding: $0) }
    expectRefused("descriptor role", [1] + id + [1, 0, 0, 0] + group + [2, 1, 1, 0, 0, 0, 0, 1, 12]) { _ = try SpawnEvent(decoding: $0) }
    expectRefused("descriptor role", [1] + id + [1, 0, 0, 0] + group + [2, 1, 1, 0, 0, 0, 0, 2, 1, 1]) { _ = try SpawnEvent(decoding: $0) }
    expectRefused("step", [2] + id + [0, 0, 1, 0, 0, 0]) { _ = try SpawnEvent(decoding: $0) }
    expectRefused("errno", [2] + id + [1, 0, 0, 16, 0, 0]) { _ = try SpawnEvent(decoding: $0) }
    expectRefused("padding", [1, 0, 1, 0, 2, 0, 0, 0]) { _ = try InitEvent(decoding: $0) }
    expectRefused("process id", [1, 0, 0, 0, 0, 0, 0, 0]) { _ = try InitEvent(decoding: $0) }
    expectRefused("kind of exit", [3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0]) { _ = try InitEvent(decoding: $0) }
    expectRefused("exit code", [3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]) { _ = try InitEvent(decoding: $0) }
    expectRefused("signal", [3, 0, 0, 0, 1, 0, 0, 0, 65, 0, 0, 0]) { _ = try InitEvent(decoding: $0) }
    expectRefused("signal", [2, 0, 0, 0, 0, 0, 0, 0]) { _ = try InitRequest(decoding: $0) }
  }

  @Test func `a start with a NUL, a relative path or a nameless variable is not sent`() {
    let refused: [(String, InitRequest)] = [
      ("string with a NUL", .start(ProgramStart(workingDirectory: "/", arguments: ["/b"], environment: ["A=1\0LD_PRELOAD=/tmp/x"]))),
      ("string with a NUL", .start(ProgramStart(workingDirectory: "/", arguments: ["/b", "\0"], environment: []))),
      ("working directory", .start(ProgramStart(workingDirectory: "task", arguments: ["/b"], environment: []))),
      ("program", .start(ProgramStart(workingDirectory: "/", arguments: ["b"], environment: []))),
      ("program", .start(ProgramStart(workingDirectory: "/", arguments: [], environment: []))),
      ("environment entry", .start(ProgramStart(workingDirectory: "/", arguments: ["/b"], environment: ["=1"]))),
      ("environment entry", .start(ProgramStart(workingDirectory: "/", arguments: ["/b"], environment: ["A"]))),
      ("signal", .signal(0, .runtime)), ("signal", .signal(65, .runtime)), ("signal", .signal(-1, .runtime)),
      ("descriptors", .start(ProgramStart(workingDirectory: "/", arguments: ["/b"], environment: [], descriptors: [3]))),
      ("descriptors", .start(ProgramStart(workingDirectory: "/", arguments: ["/b"], environment: [], descriptors: [64]))),
      ("descriptors", .start(ProgramStart(workingDirectory: "/", arguments: ["/b"], environment: [], descriptors: [1, 2, 16, 17, 18]))),
    ]
    for (field, request) in refused {
      #expect(throws: SpawnProtocolError.refused(field: field)) { try request.encoded() }
    }
    let long = InitRequest.start(
      ProgramStart(workingDirectory: "/", arguments: ["/" + String(repeating: "b", count: 65_536)], environment: []))
    #expect(throws: SpawnProtocolError.tooLong(65_556)) { try long.encoded() }
  }

  @Test func `a start that announces more strings than it brings, or brings no text, is refused`() {
    let head: [UInt8] = [1, 0, 0, 0]
    let many = head + [255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0] + Array("/\0/b\0".utf8)
    #expect(throws: SpawnProtocolError.truncated) { try InitRequest(decoding: many) }
    let noText = head + [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] + [47, 0, 47, 0xFF, 0]
    #expect(throws: SpawnProtocolError.refused(field: "argument")) { try InitRequest(decoding: noText) }
  }

  private func expectRefused(_ field: String, _ packet: [UInt8], _ decode: ([UInt8]) throws -> Void) {
    #expect(throws: SpawnProtocolError.refused(field: field)) { try decode(packet) }
  }
}
