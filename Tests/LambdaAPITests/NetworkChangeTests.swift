import FunctionModel
import NIOCore
import Testing

@testable import LambdaAPI

@Suite struct NetworkChangeTests {
  private let definitions = NetworkDefinitions(subnets: [.init(id: "subnet-a", egress: .nat)], securityGroups: ["sg-a"])

  private func change(_ text: String?) throws -> NetworkChange? {
    try NetworkChange(text.map { try JSONValue(parsing: ByteBuffer(string: $0)) }, definitions: definitions)
  }

  @Test func `absent and null say nothing, empty lists take the policy away`() throws {
    #expect(try change(nil) == nil)
    #expect(try change("null") == nil)
    let emptied = try #require(try change(#"{"SubnetIds": [], "SecurityGroupIds": []}"#))
    #expect(emptied.config == nil)
  }

  @Test func `names that the host has are taken in their order`() throws {
    let named = try change(#"{"SubnetIds": ["subnet-a"], "SecurityGroupIds": ["sg-a"]}"#)
    #expect(named?.config == VpcConfig(subnetIDs: ["subnet-a"], securityGroupIDs: ["sg-a"]))
  }

  @Test(arguments: [
    #"{"SubnetIds": ["subnet-a"], "SecurityGroupIds": []}"#, #"{"SecurityGroupIds": ["sg-a"]}"#,
    #"{"SubnetIds": ["subnet-b"], "SecurityGroupIds": ["sg-a"]}"#, #"{"SubnetIds": ["subnet-a"], "SecurityGroupIds": ["sg-b"]}"#,
    #"{"SubnetIds": ["subnet-a"], "SecurityGroupIds": ["sg-a"], "Ipv6AllowedForDualStack": true}"#,
  ])
  func `half a policy, unknown names and IPv6 are refused`(text: String) {
    #expect(throws: ServiceError.self) { try change(text) }
  }
}
