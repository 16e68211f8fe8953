import LinuxSystem
import SpawnProtocol

/// The descriptors that will go to the supervisor with one sandbox, as they come into being.
final class HandOver {
  private(set) var roles: [DescriptorRole] = []
  private var descriptors = DescriptorList()

  func append(_ descriptor: consuming Descriptor, as role: DescriptorRole) {
    roles.append(role)
    descriptors.append(descriptor)
  }

  /// Opens the files of `group` that the supervisor works with; leaves out what this host has not.
  func append(filesOf group: ControlGroup) throws(SystemError) {
    for (file, role) in HandOver.files {
      // v1's notice is an eventfd of its own, and the count is read from the tree.
      if file == .memoryEvents && group.version(of: .memory) == .v1 { continue }
      if let descriptor = try group.open(file) { append(descriptor, as: role) }
    }
  }

  /// Gives the descriptors, in the order of ``roles``, away.
  func takeDescriptors() -> DescriptorList {
    var taken = DescriptorList()
    swap(&taken, &descriptors)
    return taken
  }

  private static let files: [(ControlGroup.File, DescriptorRole)] = [
    (.freeze, .freeze), (.kill, .kill), (.cpuQuota, .cpuQuota), (.memoryEvents, .memoryEvents), (.outOfMemory, .outOfMemory),
    (.cpuWeight, .cpuWeight),
  ]
}
