package import FunctionModel
package import Logging
package import Sandboxing
import SpawnProtocol

/// What all environments of a host share.
package struct EnvironmentHost: Sendable {
  package var spawner: SandboxSpawner
  package var images: RuntimeImages
  /// Directory of unpacked artefacts, for finding a function's own `bootstrap`.
  package var artifacts: String
  package var cpus: Int
  package var networks: NetworkDefinitions
  /// What the Metadata API tells of where this host stands.
  package var availabilityZoneID: String
  package var credentials: any RoleCredentialSource
  package var logger: Logger

  package init(
    spawner: SandboxSpawner, images: RuntimeImages, artifacts: String, cpus: Int, networks: NetworkDefinitions = NetworkDefinitions(),
    availabilityZoneID: String = "use1-az1", credentials: any RoleCredentialSource = NoRoleCredentials(), logger: Logger
  ) {
    self.spawner = spawner
    self.images = images
    self.artifacts = artifacts
    self.cpus = cpus
    self.networks = networks
    self.availabilityZoneID = availabilityZoneID
    self.credentials = credentials
    self.logger = logger
  }
}

/// Where the rows that environments produce go. Calls come from event loops and must not wait.
package protocol EnvironmentRecorder: AnyObject, Sendable {
  func record(_ invocation: InvocationRecord)
  func record(_ environment: EnvironmentRecord)
  func record(_ line: LogRecord)
}

/// Who decides what an environment does next. Calls come on the environment's event loop.
package protocol ExecutionEnvironmentDelegate: AnyObject, Sendable {
  /// The environment may take an invocation.
  ///
  /// - Returns: the next one, if one waits; else the environment is frozen, and ``ExecutionEnvironment/invoke(_:)`` brings it back.
  func environmentIsAvailable(_ environment: ExecutionEnvironment) -> Invocation?
  /// Its caller has the answer; it will be available in a moment.
  func environmentIsFinishing(_ environment: ExecutionEnvironment)
  /// The credentials that it was started with end soon: if it is idle it must end, if not, when it is available next.
  func environmentIsExpiring(_ environment: ExecutionEnvironment)
  /// Its sandbox died while it was idle. It will be available anew when that has been cleared away.
  func environmentIsLost(_ environment: ExecutionEnvironment)
  /// It could not be made: a fault of the host, in words.
  func environment(_ environment: ExecutionEnvironment, couldNotStart reason: String)
  /// Nothing of it is left.
  func environmentEnded(_ environment: ExecutionEnvironment)
}
