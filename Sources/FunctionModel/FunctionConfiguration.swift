/// Everything the catalog knows of one version of a function; what GetFunctionConfiguration shows is derived from it.
package struct FunctionConfiguration: Sendable, Hashable, Codable {
  package var id: FunctionID
  /// `$LATEST`, or the number under which it was published.
  package var version: String
  package var runtime: Runtime
  package var handler: String
  /// Stored and shown, as AWS does; a role grants nothing here by itself.
  package var role: String
  package var description: String
  package var timeoutSeconds: Int
  package var memory: MemorySize
  package var ephemeralStorage: MemorySize
  package var environment: [String: String]
  package var layers: [LayerReference]
  package var tags: [String: String]
  package var architectures: [String]
  package var packageType: String
  /// `LoggingConfig.LogGroup`; `nil` means `/aws/lambda/<name>`.
  package var logGroup: String?
  package var logFormat: LogFormat
  package var tracingMode: String
  package var code: CodeArtifact
  package var state: FunctionState
  package var lastUpdate: UpdateStatus?
  /// A new UUID at every visible transition.
  package var revisionID: String
  /// Milliseconds since 1970.
  package var lastModified: Int64
  /// `nil`: the host's default.
  package var network: VpcConfig?
  /// Members that are accepted, kept and echoed but drive nothing yet (DeadLetterConfig, SnapStart, …), as the JSON
  /// text that the client sent, by member name.
  package var echoed: [String: String]

  package init(
    id: FunctionID, version: String = "$LATEST", runtime: Runtime, handler: String, role: String, description: String = "",
    timeoutSeconds: Int = 3, memory: MemorySize = .megabytes(128),
    ephemeralStorage: MemorySize = .megabytes(512), environment: [String: String] = [:],
    layers: [LayerReference] = [], tags: [String: String] = [:], architectures: [String] = ["x86_64"],
    packageType: String = "Zip", logGroup: String? = nil, logFormat: LogFormat = .text, tracingMode: String = "PassThrough",
    code: CodeArtifact, state: FunctionState, lastUpdate: UpdateStatus? = nil, revisionID: String,
    lastModified: Int64, network: VpcConfig? = nil, echoed: [String: String] = [:]
  ) {
    self.id = id
    self.version = version
    self.runtime = runtime
    self.handler = handler
    self.role = role
    self.description = description
    self.timeoutSeconds = timeoutSeconds
    self.memory = memory
    self.ephemeralStorage = ephemeralStorage
    self.environment = environment
    self.layers = layers
    self.tags = tags
    self.architectures = architectures
    self.packageType = packageType
    self.logGroup = logGroup
    self.logFormat = logFormat
    self.tracingMode = tracingMode
    self.code = code
    self.state = state
    self.lastUpdate = lastUpdate
    self.revisionID = revisionID
    self.lastModified = lastModified
    self.network = network
    self.echoed = echoed
  }
}

/// An unpacked zip in the artefact store.
package struct CodeArtifact: Sendable, Hashable, Codable {
  /// SHA-256 of the zip as uploaded.
  package var digest: ContentDigest
  package var zippedBytes: Int64
  package var unzippedBytes: Int64

  package init(digest: ContentDigest, zippedBytes: Int64, unzippedBytes: Int64) {
    self.digest = digest
    self.zippedBytes = zippedBytes
    self.unzippedBytes = unzippedBytes
  }
}

/// A layer version as a function refers to it: the ARN for people, the artefact for the sandbox.
package struct LayerReference: Sendable, Hashable, Codable {
  package var arn: String
  package var code: CodeArtifact

  package init(arn: String, code: CodeArtifact) {
    self.arn = arn
    self.code = code
  }
}

/// `State` with its reason, as GetFunctionConfiguration shows it.
package enum FunctionState: Sendable, Hashable, Codable {
  case pending
  case active
  case failed(code: String, reason: String)
}

/// `LastUpdateStatus` with its reason.
package enum UpdateStatus: Sendable, Hashable, Codable {
  case inProgress
  case successful
  case failed(code: String, reason: String)
}

/// A published layer version.
package struct LayerVersion: Sendable, Hashable, Codable {
  package var id: LayerID
  package var version: Int
  package var description: String
  package var licenseInfo: String?
  package var compatibleRuntimes: [String]
  package var compatibleArchitectures: [String]
  package var code: CodeArtifact
  /// Milliseconds since 1970.
  package var created: Int64

  package init(
    id: LayerID, version: Int, description: String, licenseInfo: String?, compatibleRuntimes: [String],
    compatibleArchitectures: [String], code: CodeArtifact, created: Int64
  ) {
    self.id = id
    self.version = version
    self.description = description
    self.licenseInfo = licenseInfo
    self.compatibleRuntimes = compatibleRuntimes
    self.compatibleArchitectures = compatibleArchitectures
    self.code = code
    self.created = created
  }
}
