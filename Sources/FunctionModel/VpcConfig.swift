/// The subnets and security groups that a function names: its network policy, in AWS's words.
package struct VpcConfig: Sendable, Hashable, Codable {
  package var subnetIDs: [String]
  package var securityGroupIDs: [String]

  /// Neither may be empty: a function without a policy of its own has no `VpcConfig`.
  package init(subnetIDs: [String], securityGroupIDs: [String]) {
    self.subnetIDs = subnetIDs
    self.securityGroupIDs = securityGroupIDs
  }
}

/// What the host's configuration has for functions to name.
package struct NetworkDefinitions: Sendable, Hashable {
  /// Whether sandboxes reach anything outside.
  package enum Egress: String, Sendable, Hashable, Codable {
    case none
    case nat
  }

  package struct Subnet: Sendable, Hashable {
    package var id: String
    package var egress: Egress

    package init(id: String, egress: Egress) {
      self.id = id
      self.egress = egress
    }
  }

  /// Of functions that name no subnet.
  package var defaultEgress: Egress
  /// In the order of the configuration, by which roostd numbers them.
  package var subnets: [Subnet]
  package var securityGroups: [String]
  /// Shown as `VpcId`.
  package var vpc: String

  package init(
    defaultEgress: Egress = .none, subnets: [Subnet] = [], securityGroups: [String] = [], vpc: String = "vpc-00000000000000000"
  ) {
    self.defaultEgress = defaultEgress
    self.subnets = subnets
    self.securityGroups = securityGroups
    self.vpc = vpc
  }

  /// What a function with this `config` has. Of several subnets the first one counts; `nil` for one that is not defined any more.
  package func egress(of config: VpcConfig?) -> Egress? {
    guard let id = config?.subnetIDs.first else { return defaultEgress }
    return subnets.first { $0.id == id }?.egress
  }

  /// The first name of `config` that is not defined here.
  package func unknownName(in config: VpcConfig) -> UnknownName? {
    if let id = config.subnetIDs.first(where: { id in !subnets.contains { $0.id == id } }) { return .subnet(id) }
    return config.securityGroupIDs.first { !securityGroups.contains($0) }.map(UnknownName.securityGroup)
  }

  package enum UnknownName: Error, Sendable, Hashable, CustomStringConvertible {
    case subnet(String)
    case securityGroup(String)

    /// As EC2 words it.
    package var description: String {
      switch self {
      case .subnet(let id): "The subnet ID '\(id)' does not exist"
      case .securityGroup(let id): "The security group '\(id)' does not exist"
      }
    }
  }
}
