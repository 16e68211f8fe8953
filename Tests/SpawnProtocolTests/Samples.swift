import SpawnProtocol

/// One of each message, with every optional part once present and once not.
enum Samples {
  static let recipe = SandboxRecipe(
    runtime: "python3.11",
    code: [UInt8](0..<32),
    layers: [[UInt8](repeating: 0xAA, count: 32), [UInt8](repeating: 0xBB, count: 32)],
    hostUserID: 200_001,
    memoryBytes: 128 << 20,
    processLimit: 1_024,
    volume: VolumeID(0x0102_0304_0506_0708),
    volumeMegabytes: 512,
    network: .subnet(3, groups: [0, 63]))

  static func recipe(_ change: (inout SandboxRecipe) -> Void) -> SandboxRecipe {
    var changed = recipe
    change(&changed)
    return changed
  }

  static let created = CreatedSandbox(
    hostProcessID: 4_242, group: 0x0908_0706_0504_0302, freezer: .v2, memory: .v1, cpu: .v1, roles: DescriptorRole.allCases,
    microseconds: 1_800)

  static let requests: [SpawnRequest] = [
    .create(SandboxID(7), recipe),
    .create(
      SandboxID(.max),
      Samples.recipe {
        $0.layers = []; $0.memoryBytes = 10_240 << 20; $0.volumeMegabytes = 10_240; $0.network = .none
      }),
    .create(SandboxID(6), Samples.recipe { $0.network = .nat }),
    .kill(SandboxID(8)),
    .destroy(SandboxID(9), keepVolume: true),
    .destroy(SandboxID(9), keepVolume: false),
    .release(VolumeID(10)),
    .createUnpacker(SandboxID(11), hostUserID: 200_002),
  ]

  static let events: [SpawnEvent] = [
    .trees(TreeRole.allCases),
    .trees([]),
    .created(SandboxID(7), created),
    .failed(SandboxID(7), SpawnFailure(step: .mountRoot, errno: 22)),
    .failed(SandboxID(7), SpawnFailure(step: .refused, errno: 0)),
    .exited(SandboxID(7)),
    .destroyed(SandboxID(7)),
  ]

  static let initRequests: [InitRequest] = [
    .start(ProgramStart(workingDirectory: "/var/task", arguments: ["/var/runtime/bootstrap"], environment: [], descriptors: [62])),
    .start(
      ProgramStart(
        program: ProgramNumber.extensions[9], workingDirectory: "/", arguments: ["/bin/sh", "", "-c"],
        environment: ["A=1", "UMLAUT=ä", "EMPTY="], descriptors: [1, 2])),
    .signal(15, .runtime),
    .signal(9, ProgramNumber.extensions[0]),
    .socket,
  ]

  static let initEvents: [InitEvent] = [
    .started(.runtime, processID: 2), .failed(ProgramNumber.extensions[0], errno: 2), .exited(.runtime, .code(255)),
    .exited(ProgramNumber.extensions[9], .signal(9)), .socket(errno: 0), .socket(errno: 24),
  ]
}
