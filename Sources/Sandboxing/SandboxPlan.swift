package import FunctionModel
package import SpawnProtocol

/// What one sandbox will be: everything roostd needs to make it, derived from a function version.
package struct SandboxPlan: Sendable {
  package var recipe: SandboxRecipe

  /// - Parameters:
  ///   - hostUserID: leased for this environment alone.
  ///   - volume: `/tmp`; the same number again brings the same contents back after a reset.
  package init(version: FunctionVersion, hostUserID: UInt32, volume: VolumeID) {
    recipe = SandboxRecipe(
      runtime: version.runtime.identifier, code: version.code.bytes, layers: version.layers.map(\.bytes),
      hostUserID: hostUserID, memoryBytes: UInt64(version.memory.bytes), processLimit: UInt32(Limits.processes),
      volume: volume, volumeMegabytes: UInt32(version.ephemeralStorage.megabytes))
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
