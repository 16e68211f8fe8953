import SpawnProtocol

/// What roostd is to make: a function's sandbox by its recipe, or one for the unpacker, which is always the same but for its uid.
enum SandboxOrder {
  case function(SandboxRecipe)
  case unpacker(hostUserID: UInt32)

  var hostUserID: UInt32 {
    switch self {
    case .function(let recipe): recipe.hostUserID
    case .unpacker(let hostUserID): hostUserID
    }
  }

  /// The largest upload is 50 MB and has at most 65,535 entries: with both in memory there is as much again to spare. An archive that
  /// takes more is one that has found a hole.
  var memoryBytes: UInt64 {
    switch self {
    case .function(let recipe): recipe.memoryBytes
    case .unpacker: SpawnProtocol.unpackerMemoryBytes
    }
  }

  /// roost-init and one program, which starts no other.
  var processLimit: UInt32 {
    switch self {
    case .function(let recipe): recipe.processLimit
    case .unpacker: 4
    }
  }

  /// Nobody is spoken to while unpacking.
  var network: NetworkPolicyChoice {
    switch self {
    case .function(let recipe): recipe.network
    case .unpacker: .none
    }
  }

  /// An unpacker has no file to write to.
  var volume: (id: VolumeID, megabytes: UInt32)? {
    switch self {
    case .function(let recipe): (recipe.volume, recipe.volumeMegabytes)
    case .unpacker: nil
    }
  }
}
