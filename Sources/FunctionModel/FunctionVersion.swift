/// What one execution environment serves, for its whole life: an immutable snapshot of code and configuration.
///
/// Two snapshots with the same ``Key`` are the same; an update makes a new key, so that an environment never serves two versions.
package struct FunctionVersion: Sendable, Hashable {
  /// Function, version and revision.
  package struct Key: Sendable, Hashable {
    package var function: FunctionID
    package var version: String
    /// A UUID that changes when code or configuration does (not when a state does).
    package var revision: String

    package init(function: FunctionID, version: String, revision: String) {
      self.function = function
      self.version = version
      self.revision = revision
    }
  }

  package var key: Key
  package var runtime: Runtime
  package var handler: String
  package var role: String
  package var timeout: Duration
  package var memory: MemorySize
  package var ephemeralStorage: MemorySize
  package var environment: [String: String]
  package var code: ContentDigest
  /// In the order the function lists them: a later layer covers an earlier one.
  package var layers: [ContentDigest]
  package var logGroup: String
  package var logFormat: LogFormat
  /// `nil`: the host's default.
  package var network: VpcConfig?

  package init(
    key: Key, runtime: Runtime, handler: String, role: String, timeout: Duration, memory: MemorySize,
    ephemeralStorage: MemorySize, environment: [String: String], code: ContentDigest,
    layers: [ContentDigest], logGroup: String, logFormat: LogFormat = .text, network: VpcConfig? = nil
  ) {
    self.key = key
    self.runtime = runtime
    self.handler = handler
    self.role = role
    self.timeout = timeout
    self.memory = memory
    self.ephemeralStorage = ephemeralStorage
    self.environment = environment
    self.code = code
    self.layers = layers
    self.logGroup = logGroup
    self.logFormat = logFormat
    self.network = network
  }

  package var function: FunctionID { key.function }
  /// `$LATEST` or a number.
  package var version: String { key.version }
}
