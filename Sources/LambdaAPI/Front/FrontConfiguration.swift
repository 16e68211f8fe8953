package import FunctionModel
package import NIOCore

/// How the front API is to be served; filled in by the supervisor from options and configuration.
package struct FrontConfiguration: Sendable {
  /// Where to listen for the AWS API.
  package var host: String
  /// 0 lets the kernel choose; the port chosen is given to the ready call-back.
  package var port: Int
  /// The region this host is, and the account of callers whose access key names none.
  package var owner: Owner
  package var authentication: Authentication
  /// Base of the URLs handed out for downloads, as in `http://lambda.example.org:3001`; `nil` takes the `Host` the caller used.
  package var advertisedURL: String?
  /// The runtimes that have an image on this host, each with the version (64 hexadecimal digits) that `RuntimeVersionArn` shows, if known.
  package var runtimes: [Runtime: String?]
  /// `x86_64` or `arm64`: the only one functions and layers here can be for.
  package var architecture: String
  /// What `VpcConfig` may name.
  package var networks: NetworkDefinitions
  /// `ConcurrentExecutions` of GetAccountSettings.
  package var concurrencyLimit: Int
  /// A connection on which nothing arrives for so long is closed, unless an answer is being worked on.
  package var idleTimeout: TimeAmount
  /// A request must have arrived whole within this time.
  package var requestTimeout: TimeAmount

  package enum Authentication: Sendable {
    /// AWS Signature Version 4 against these access keys.
    case signatureV4(CredentialStore, allowsUnsignedPayload: Bool = false)
    /// Every request is accepted; the supervisor permits it on a loopback listener only.
    case none
  }

  package init(
    host: String = "127.0.0.1", port: Int = 3001, owner: Owner, authentication: Authentication, advertisedURL: String? = nil,
    runtimes: [Runtime: String?], architecture: String = Self.hostArchitecture, concurrencyLimit: Int = 1_000,
    networks: NetworkDefinitions = NetworkDefinitions(), idleTimeout: TimeAmount = .seconds(120), requestTimeout: TimeAmount = .minutes(5)
  ) {
    self.host = host
    self.port = port
    self.owner = owner
    self.authentication = authentication
    self.advertisedURL = advertisedURL
    self.runtimes = runtimes
    self.architecture = architecture
    self.concurrencyLimit = concurrencyLimit
    self.networks = networks
    self.idleTimeout = idleTimeout
    self.requestTimeout = requestTimeout
  }

  #if arch(arm64)
    package static let hostArchitecture = "arm64"
  #else
    package static let hostArchitecture = "x86_64"
  #endif

  package func makeAuthenticator(clock: TimeSource = .system) -> any Authenticator {
    switch authentication {
    case .signatureV4(let credentials, let allowsUnsignedPayload):
      SignatureVerifier(credentials: credentials, owner: owner, allowsUnsignedPayload: allowsUnsignedPayload, clock: clock)
    case .none: OpenAuthenticator(owner: owner)
    }
  }
}
