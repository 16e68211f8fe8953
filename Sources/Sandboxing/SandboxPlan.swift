package import FunctionModel
package import SpawnProtocol

/// What one sandbox will be: everything roostd needs to make it, derived from a function version.
package struct SandboxPlan: Sendable {
  package var recipe: SandboxRecipe

  /// - Parameters:
  ///   - hostUserID: leased for this environment alone.
  ///   - volume: `/tmp`; the same number again brings the same contents back after a reset.
  /// - Throws: when the version names a subnet or a security group that the host's configuration has no more.
  package init(
    version: FunctionVersion, hostUserID: UInt32, volume: VolumeID, networks: NetworkDefinitions
  ) throws(NetworkDefinitions.UnknownName) {
    recipe = SandboxRecipe(
      runtime: version.runtime.identifier, code: version.code.bytes, layers: version.layers.map(\.bytes),
      hostUserID: hostUserID, memoryBytes: UInt64(version.memory.bytes), processLimit: UInt32(Limits.processes),
      volume: volume, volumeMegabytes: UInt32(version.ephemeralStorage.megabytes), network: try networks.choice(for: version.network))
  }
}

extension ContentDigest {
  /// The 32 bytes that the hexadecimal digits stand for.
  package var bytes: [UInt8] {
    let digits = Array(hexadecimal.utf8)
    return stride(from: 0, to: digits.count, by: 2).map { index in
      nibble(digits[index]) << 4 | nibble(digits[index + 1])
    }
  }

  private func nibble(_ digit: UInt8) -> UInt8 {
    digit < UInt8(ascii: "a") ? digit - UInt8(ascii: "0") : digit - UInt8(ascii: "a") + 10
  }
}

extension NetworkDefinitions {
  /// What roostd is asked for. Of several subnets the first one counts: environments of one version all have the same policy.
  package func choice(for config: VpcConfig?) throws(UnknownName) -> NetworkPolicyChoice {
    guard let config, let subnet = config.subnetIDs.first else { return defaultEgress == .nat ? .nat : .none }
    if let unknown = unknownName(in: config) { throw unknown }
    guard let number = subnets.firstIndex(where: { $0.id == subnet }) else { throw .subnet(subnet) }
    guard subnets[number].egress == .nat else { return .none }
    var groups: [UInt8] = []
    for id in config.securityGroupIDs {
      // Found: unknown names were thrown above. A group named twice counts once.
      guard let group = securityGroups.firstIndex(of: id).map({ UInt8($0) }), !groups.contains(group) else { continue }
      groups.append(group)
    }
    return .subnet(UInt8(number), groups: groups)
  }
}
