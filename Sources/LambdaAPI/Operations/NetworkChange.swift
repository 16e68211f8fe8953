internal import FunctionModel

/// What a request's `VpcConfig` makes of a function's network: a policy by names that the host has, or the host's default.
struct NetworkChange: Sendable, Hashable {
  var config: VpcConfig?

  /// `nil` where the request says nothing of it. Two empty lists take the function's own policy away.
  init?(_ value: JSONValue?, definitions: NetworkDefinitions) throws(ServiceError) {
    guard let value, value != .null else { return nil }
    let subnets = value["SubnetIds"]?.array?.compactMap(\.string) ?? []
    let groups = value["SecurityGroupIds"]?.array?.compactMap(\.string) ?? []
    guard subnets.isEmpty == groups.isEmpty else {
      throw .invalidParameterValue("SubnetIds and SecurityIds must coexist or be both empty list.")
    }
    if value["Ipv6AllowedForDualStack"]?.bool == true {
      throw .invalidParameterValue("Ipv6AllowedForDualStack is not supported by this release of Roost: functions speak IPv4 only.")
    }
    guard !subnets.isEmpty else { return }
    let config = VpcConfig(subnetIDs: subnets, securityGroupIDs: groups)
    if let unknown = definitions.unknownName(in: config) { throw .unknown(unknown) }
    self.config = config
  }
}

extension ServiceError {
  fileprivate static func unknown(_ name: NetworkDefinitions.UnknownName) -> ServiceError {
    let (call, code) =
      switch name {
      case .subnet: ("DescribeSubnets", "InvalidSubnetID.NotFound")
      case .securityGroup: ("DescribeSecurityGroups", "InvalidGroup.NotFound")
      }
    return .invalidParameterValue("Error occurred while \(call). EC2 Error Code: \(code). EC2 Error Message: \(name)")
  }
}
