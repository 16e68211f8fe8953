/// What an auditor of the host asks the daemon, because the kernel cannot know it. Part of ``HostFacts``.
package struct SecurityFacts: Sendable, Hashable, Codable {
  /// `sigv4` or `none`.
  package var authentication: String
  /// The identifiers of the access keys that are accepted, sorted; never their secrets.
  package var accessKeys: [String]
  /// The daemon's own process, the unprivileged one.
  package var processID: Int
  /// Host user ids that environments are given, first and last.
  package var firstUserID: UInt32
  package var lastUserID: UInt32
  package var retention: RetentionFacts
  /// Whether the daemon, asked just now, could list the host's root directory: Landlock closes it, and shows nobody's domain from outside.
  package var listsHostRoot: Bool?

  package init(
    authentication: String, accessKeys: [String], processID: Int, userIDs: ClosedRange<UInt32>, retention: RetentionFacts,
    listsHostRoot: Bool? = nil
  ) {
    self.authentication = authentication
    self.accessKeys = accessKeys
    self.processID = processID
    firstUserID = userIDs.lowerBound
    lastUserID = userIDs.upperBound
    self.retention = retention
    self.listsHostRoot = listsHostRoot
  }
}

/// How long the journal keeps what, whichever bound is met first.
package struct RetentionFacts: Sendable, Hashable, Codable {
  package var seconds: Int64
  /// Rows at most.
  package var invocations: Int
  package var environments: Int
  package var logLines: Int
  /// Bytes of all together, about.
  package var bytes: Int64

  package init(seconds: Int64, invocations: Int, environments: Int, logLines: Int, bytes: Int64) {
    self.seconds = seconds
    self.invocations = invocations
    self.environments = environments
    self.logLines = logLines
    self.bytes = bytes
  }
}
