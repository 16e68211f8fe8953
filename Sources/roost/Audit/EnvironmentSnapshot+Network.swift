import FunctionModel

// The promise about the network: which devices and ways there are. What passes through them is in the host's nftables.
extension EnvironmentSnapshot {
  var networkPromise: Promise {
    let claim = "the ways out are those of its network policy"
    guard let egress = status.egress else { return .unknown(claim, "the daemon does not tell the policy") }
    let devices: Set<String> = egress == .nat ? ["lo", "eth0"] : ["lo"]
    var exceptions = network.interfaces.filter { !devices.contains($0) }.map { "device \($0)" }
    exceptions += network.routes.filter { route in !devices.contains { route.hasPrefix("\($0) ") } }.map { "route \($0)" }
    let found = network.interfaces.joined(separator: " ")
    return Promise(claim, exceptions: exceptions, otherwise: "\(egress.rawValue): \(found), \(network.routes.count) routes")
  }
}
