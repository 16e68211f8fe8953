// SpawnRequest as bytes. The first byte is the kind:
//
//   1 create    u64 sandbox, u8 n and n bytes runtime, 32 bytes code, u8 count and 32 bytes each of the layers, u32 host uid,
//               u64 memory in bytes, u32 process limit, u64 volume, u32 volume size in MB,
//               u8 network: 0 none, 1 the host's default, 2 u8 subnet, u8 count and u8 each of the security groups, none twice
//   2 kill      u64 sandbox
//   3 destroy   u64 sandbox, u8 keep the volume: 0 or 1
//   4 release   u64 volume
//   5 unpacker  u64 sandbox, u32 host uid

private enum Kind {
  static let create: UInt8 = 1
  static let kill: UInt8 = 2
  static let destroy: UInt8 = 3
  static let release: UInt8 = 4
  static let unpacker: UInt8 = 5
}

/// What a recipe may ask for. The quotas are Lambda's; they are written here again because roostd trusts nobody else's check.
enum RecipeBounds {
  static let digestLength = 32
  static let layers: UInt8 = 5
  static let memoryBytes: ClosedRange<UInt64> = (128 << 20)...(10_240 << 20)
  static let processes: ClosedRange<UInt32> = 1...32_768
  static let subnets: ClosedRange<UInt8> = 0...31
  static let groups: ClosedRange<UInt8> = 0...63
  static let groupsOfOne: ClosedRange<UInt8> = 1...5
  static let volumeMegabytes: ClosedRange<UInt32> = 512...10_240
  /// Not root; and not the all-ones id, which setresuid(2) takes as "leave as it is".
  static let hostUserID: ClosedRange<UInt32> = 1...(.max - 1)

  /// As `FunctionModel.Runtime`: 1–64 lower-case letters, digits and dots, not beginning with a dot.
  static func isRuntime(_ bytes: some Collection<UInt8>) -> Bool {
    (1...64).contains(bytes.count) && bytes.first != UInt8(ascii: ".")
      && bytes.allSatisfy { (48...57).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: ".") }
  }
}

extension SpawnRequest {
  /// The packet. A recipe whose digests are not 32 bytes or whose runtime is longer than 255 is a mistake of the caller's and traps;
  /// any other wrong value is refused where it is decoded.
  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    switch self {
    case .create(let sandbox, let recipe):
      writer.write(Kind.create)
      writer.write(sandbox.number)
      writer.write(recipe)
    case .kill(let sandbox):
      writer.write(Kind.kill)
      writer.write(sandbox.number)
    case .destroy(let sandbox, let keepVolume):
      writer.write(Kind.destroy)
      writer.write(sandbox.number)
      writer.write(keepVolume ? 1 : 0 as UInt8)
    case .release(let volume):
      writer.write(Kind.release)
      writer.write(volume.number)
    case .createUnpacker(let sandbox, let hostUserID):
      writer.write(Kind.unpacker)
      writer.write(sandbox.number)
      writer.write(hostUserID)
    }
    return writer.bytes
  }

  /// Takes a packet apart and checks every field of it.
  package init(decoding bytes: [UInt8]) throws(SpawnProtocolError) {
    var reader = try ByteReader(bytes, limit: SpawnProtocol.maximumPacket)
    let kind: UInt8 = try reader.read()
    switch kind {
    case Kind.create: self = .create(SandboxID(try reader.read()), try reader.readRecipe())
    case Kind.kill: self = .kill(SandboxID(try reader.read()))
    case Kind.destroy: self = .destroy(SandboxID(try reader.read()), keepVolume: try reader.readFlag("keep volume"))
    case Kind.release: self = .release(VolumeID(try reader.read()))
    case Kind.unpacker:
      self = .createUnpacker(SandboxID(try reader.read()), hostUserID: try reader.read(in: RecipeBounds.hostUserID, "host user id"))
    default: throw .unknownKind(kind)
    }
    try reader.finish()
  }
}

extension ByteWriter {
  fileprivate mutating func write(_ recipe: SandboxRecipe) {
    precondition(recipe.runtime.utf8.count <= 255, "runtime name of \(recipe.runtime.utf8.count) bytes")
    write(UInt8(recipe.runtime.utf8.count))
    write(contentsOf: recipe.runtime.utf8)
    write(digest: recipe.code)
    write(UInt8(clamping: recipe.layers.count))
    for layer in recipe.layers { write(digest: layer) }
    write(recipe.hostUserID)
    write(recipe.memoryBytes)
    write(recipe.processLimit)
    write(recipe.volume.number)
    write(recipe.volumeMegabytes)
    write(recipe.network)
  }

  private mutating func write(_ network: NetworkPolicyChoice) {
    switch network {
    case .none: write(0 as UInt8)
    case .nat: write(1 as UInt8)
    case .subnet(let subnet, let groups): write(contentsOf: [2, subnet, UInt8(clamping: groups.count)] + groups)
    }
  }

  private mutating func write(digest: [UInt8]) {
    precondition(digest.count == RecipeBounds.digestLength, "digest of \(digest.count) bytes")
    write(contentsOf: digest)
  }
}

extension ByteReader {
  fileprivate mutating func readRecipe() throws(SpawnProtocolError) -> SandboxRecipe {
    let runtime = try read(count: Int(try read(UInt8.self)))
    guard RecipeBounds.isRuntime(runtime) else { throw .refused(field: "runtime") }
    let code = Array(try read(count: RecipeBounds.digestLength))
    var layers: [[UInt8]] = []
    for _ in 0..<(try read(in: 0...RecipeBounds.layers, "layer count")) {
      layers.append(Array(try read(count: RecipeBounds.digestLength)))
    }
    return SandboxRecipe(
      runtime: String(decoding: runtime, as: UTF8.self),
      code: code,
      layers: layers,
      hostUserID: try read(in: RecipeBounds.hostUserID, "host user id"),
      memoryBytes: try read(in: RecipeBounds.memoryBytes, "memory"),
      processLimit: try read(in: RecipeBounds.processes, "process limit"),
      volume: VolumeID(try read()),
      volumeMegabytes: try read(in: RecipeBounds.volumeMegabytes, "volume size"),
      network: try readNetwork())
  }

  private mutating func readNetwork() throws(SpawnProtocolError) -> NetworkPolicyChoice {
    switch try read(in: 0...(2 as UInt8), "network") {
    case 0: return .none
    case 1: return .nat
    default: break
    }
    let subnet = try read(in: RecipeBounds.subnets, "subnet")
    var groups: [UInt8] = []
    for _ in 0..<(try read(in: RecipeBounds.groupsOfOne, "security group count")) {
      let group = try read(in: RecipeBounds.groups, "security group")
      guard !groups.contains(group) else { throw .refused(field: "security group") }
      groups.append(group)
    }
    return .subnet(subnet, groups: groups)
  }

  fileprivate mutating func readFlag(_ field: String) throws(SpawnProtocolError) -> Bool {
    try read(in: 0...(1 as UInt8), field) == 1
  }
}
