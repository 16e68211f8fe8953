/// The steps of making a sandbox, numbered as CSandbox reports them (`csandbox_step` has the same numbers).
///
/// 1–29 are roostd's own, from 30 on the child's.
package enum SpawnStep: UInt16, Sendable, Hashable, CaseIterable {
  case refused = 1
  case openRuntime = 2
  case openCode = 3
  case openLayer = 4
  case prepareVolume = 5
  case makeControlGroup = 6
  case makePipes = 7
  case clone = 8
  case writeIdentityMap = 9
  case handshake = 10
  /// roostd's own: an address, and the policy for it.
  case admitToNetwork = 11

  case attachControlGroup = 30
  case unshareControlGroup = 31
  case loopbackUp = 32
  case loopbackAddress = 33
  case listen = 34
  case passListener = 35
  case privatePropagation = 36
  case mountRoot = 37
  case mountTemporary = 38
  case mountDevices = 39
  case makeDevice = 40
  case mountProcess = 41
  case maskProcess = 42
  case pivotRoot = 43
  case detachOldRoot = 44
  case hostName = 45
  case dropBoundingSet = 46
  case setGroups = 47
  case setUser = 48
  case unshareUser = 49
  case awaitMap = 50
  case enterIdentity = 51
  case dropCapabilities = 52
  case keyring = 53
  case resourceLimits = 54
  case session = 55
  case noNewPrivileges = 56
  case arrangeDescriptors = 57
  case seccomp = 58
  case execute = 59
  case unshareNetwork = 60

  case hostNetlink = 61
  case makeLink = 62
  case linkUp = 63
  case linkAddress = 64
  case linkRoute = 65
  case hostLinkUp = 66
  case hostLinkRoute = 67
  case landlock = 70
}
