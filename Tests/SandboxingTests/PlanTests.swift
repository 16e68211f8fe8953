import FunctionModel
import SpawnProtocol
import Testing

@testable import Sandboxing

@Suite struct `From a function version to a sandbox` {
  private func version(
    runtime: String = "python3.11", memory: Int = 128, environment: [String: String] = [:]
  ) throws -> FunctionVersion {
    let id = FunctionID(owner: Owner(account: "000000000000", region: "eu-west-1"), name: "hello")
    return FunctionVersion(
      key: .init(function: id, version: "$LATEST", revision: "r"), runtime: try #require(Runtime(runtime)),
      handler: "app.handler", role: "", timeout: .seconds(3), memory: .megabytes(memory),
      ephemeralStorage: .megabytes(512), environment: environment,
      code: try #require(ContentDigest(String(repeating: "0a", count: 32))), layers: [], logGroup: "/aws/lambda/hello")
  }

  @Test(arguments: [(128, 1_447), (885, 10_005), (1_769, 20_000), (3_538, 40_000), (10_240, 80_000)])
  func `memory buys CPU at 1,769 MB for one, up to what the host has`(_ memory: Int, _ quota: Int) {
    let share = CPUShare(memory: .megabytes(memory), hostCPUs: 4)
    #expect(share.quota == quota)
    #expect(share.controlText(.v2) == "\(quota) 20000")
    #expect(share.controlText(.v1) == "\(quota)")
  }

  @Test func `digests cross the border as bytes`() throws {
    let plan = try SandboxPlan(version: try version(), hostUserID: 7, volume: VolumeID(3), networks: NetworkDefinitions())
    #expect(plan.recipe.code == [UInt8](repeating: 10, count: 32))
    #expect(plan.recipe.memoryBytes == 128 << 20)
    #expect(plan.recipe.volumeMegabytes == 512)
  }

  @Test func `subnets and security groups cross the border as numbers`() throws {
    let networks = NetworkDefinitions(
      defaultEgress: .nat,
      subnets: [.init(id: "subnet-a", egress: .nat), .init(id: "subnet-b", egress: .none), .init(id: "subnet-c", egress: .nat)],
      securityGroups: ["sg-a", "sg-b"])
    func choice(_ subnets: [String], _ groups: [String]) throws -> NetworkPolicyChoice {
      try networks.choice(for: VpcConfig(subnetIDs: subnets, securityGroupIDs: groups))
    }
    #expect(try networks.choice(for: nil) == .nat)
    #expect(try NetworkDefinitions().choice(for: nil) == .none)
    #expect(try choice(["subnet-c", "subnet-a"], ["sg-b", "sg-a", "sg-b"]) == .subnet(2, groups: [1, 0]))
    #expect(try choice(["subnet-b"], ["sg-a"]) == .none)
    #expect(throws: NetworkDefinitions.UnknownName.subnet("subnet-x")) { try choice(["subnet-a", "subnet-x"], ["sg-a"]) }
    #expect(throws: NetworkDefinitions.UnknownName.securityGroup("sg-x")) { try choice(["subnet-a"], ["sg-x"]) }
  }

  @Test func `a function's variables override what Lambda lets them, and no reserved one`() throws {
    let image = RuntimeImage(runtime: "python3.11", entrypoint: nil, environment: ["PYTHONPATH": "/var/runtime"], version: "v")
    let mine = ["TZ": "Europe/Berlin", "AWS_REGION": "mars", "PYTHONPATH": "/opt/x", "COLOUR": "blue"]
    let launch = Launch(
      version: try version(environment: mine), image: image, entrypoint: "/var/runtime/bootstrap", logStream: "s")
    #expect(launch.environment["TZ"] == "Europe/Berlin")
    #expect(launch.environment["AWS_REGION"] == "eu-west-1")
    #expect(launch.environment["PYTHONPATH"] == "/opt/x")
    #expect(launch.environment["COLOUR"] == "blue")
    #expect(launch.environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.11")
    #expect(launch.environment["AWS_LAMBDA_RUNTIME_API"] == "169.254.100.1:9001")
    #expect(launch.environment["HOME"] == nil)
  }

  @Test func `a log in JSON is told to the runtime, and the function may tell it otherwise`() throws {
    let image = RuntimeImage(runtime: "python3.11", entrypoint: nil, environment: [:], version: "v")
    func variables(_ format: LogFormat, _ own: [String: String] = [:]) throws -> [String?] {
      var version = try version(environment: own)
      version.logFormat = format
      let launch = Launch(version: version, image: image, entrypoint: "/var/runtime/bootstrap", logStream: "s")
      return [launch.environment["AWS_LAMBDA_LOG_FORMAT"], launch.environment["AWS_LAMBDA_LOG_LEVEL"]]
    }
    #expect(try variables(.text) == [nil, nil])
    #expect(try variables(.json(application: .warn, system: .debug)) == ["JSON", "WARN"])
    #expect(try variables(.defaultJSON, ["AWS_LAMBDA_LOG_LEVEL": "TRACE"]) == ["JSON", "TRACE"])
  }

  @Test func `OS-only runtimes have no AWS_EXECUTION_ENV`() throws {
    let image = RuntimeImage(runtime: "provided.al2023", entrypoint: nil, environment: [:], version: "v")
    let launch = Launch(
      version: try version(runtime: "provided.al2023"), image: image, entrypoint: "/var/task/bootstrap", logStream: "s")
    #expect(launch.environment["AWS_EXECUTION_ENV"] == nil)
  }
}
