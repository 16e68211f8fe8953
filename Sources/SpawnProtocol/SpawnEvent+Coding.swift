// SpawnEvent as bytes. The first byte is the kind:
//
//   1 created    u64 sandbox, u32 process id, u64 group, u8 freezer, u8 memory, u8 cpu interface, u32 microseconds, u8 count and u8 each of the
//                roles of the descriptors beside the packet, no role twice
//   2 failed     u64 sandbox, u16 step, u32 errno
//   3 exited     u64 sandbox
//   4 destroyed  u64 sandbox
//   5 trees      u8 count and u8 each of the roles of the descriptors beside the packet, no role twice

private enum Kind {
  static let created: UInt8 = 1
  static let failed: UInt8 = 2
  static let exited: UInt8 = 3
  static let destroyed: UInt8 = 4
  static let trees: UInt8 = 5
}

/// What the kernel answers lies in here (`MAX_ERRNO`).
let errnoRange: ClosedRange<UInt32> = 0...4_095

/// The largest process id that Linux can be configured to give (`PID_MAX_LIMIT`).
let processIDRange: ClosedRange<UInt32> = 1...4_194_304

extension SpawnEvent {
  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    switch self {
    case .created(let sandbox, let created):
      writer.write(Kind.created)
      writer.write(sandbox.number)
      writer.write(created)
    case .failed(let sandbox, let failure):
      writer.write(Kind.failed)
      writer.write(sandbox.number)
      writer.write(failure.step.rawValue)
      writer.write(UInt32(bitPattern: failure.errno))
    case .exited(let sandbox):
      writer.write(Kind.exited)
      writer.write(sandbox.number)
    case .destroyed(let sandbox):
      writer.write(Kind.destroyed)
      writer.write(sandbox.number)
    case .trees(let roles):
      writer.write(Kind.trees)
      writer.write(roles: roles)
    }
    return writer.bytes
  }

  /// Takes a packet apart and checks every field of it.
  package init(decoding bytes: [UInt8]) throws(SpawnProtocolError) {
    var reader = try ByteReader(bytes, limit: SpawnProtocol.maximumPacket)
    let kind: UInt8 = try reader.read()
    switch kind {
    case Kind.created: self = .created(SandboxID(try reader.read()), try reader.readCreated())
    case Kind.failed: self = .failed(SandboxID(try reader.read()), try reader.readFailure())
    case Kind.exited: self = .exited(SandboxID(try reader.read()))
    case Kind.destroyed: self = .destroyed(SandboxID(try reader.read()))
    case Kind.trees: self = .trees(try reader.readRoles(TreeRole.self, "tree role"))
    default: throw .unknownKind(kind)
    }
    try reader.finish()
  }
}

extension ByteWriter {
  fileprivate mutating func write(_ created: CreatedSandbox) {
    write(created.hostProcessID)
    write(created.group)
    write(created.freezer.rawValue)
    write(created.memory.rawValue)
    write(created.cpu.rawValue)
    write(created.microseconds)
    write(roles: created.roles)
  }

  fileprivate mutating func write<Role: RawRepresentable<UInt8>>(roles: [Role]) {
    write(UInt8(clamping: roles.count))
    for role in roles { write(role.rawValue) }
  }
}

extension ByteReader {
  fileprivate mutating func readCreated() throws(SpawnProtocolError) -> CreatedSandbox {
    var created = CreatedSandbox(
      hostProcessID: try read(in: processIDRange, "process id"),
      group: try read(),
      freezer: try read(FreezerKind.self, "freezer"),
      memory: try read(ControllerKind.self, "memory interface"),
      cpu: try read(ControllerKind.self, "cpu interface"),
      roles: [],
      microseconds: try read())
    created.roles = try readRoles(DescriptorRole.self, "descriptor role")
    return created
  }

  fileprivate mutating func readRoles<Role: RawRepresentable<UInt8> & Equatable>(
    _ type: Role.Type, _ field: String
  ) throws(SpawnProtocolError) -> [Role] {
    var roles: [Role] = []
    for _ in 0..<(try read(UInt8.self)) {
      let role = try read(type, field)
      guard !roles.contains(role) else { throw .refused(field: field) }
      roles.append(role)
    }
    return roles
  }

  fileprivate mutating func readFailure() throws(SpawnProtocolError) -> SpawnFailure {
    guard let step = SpawnStep(rawValue: try read()) else { throw .refused(field: "step") }
    return SpawnFailure(step: step, errno: Int32(try read(in: errnoRange, "errno")))
  }
}
