package import FunctionModel
import Glibc
package import LinuxSystem

/// The programs in `/opt/extensions` of a function version, as its layers lie over each other.
package enum ExternalExtensions {
  static let directory = "/opt/extensions"

  /// Base names, sorted: everything but directories, executable or not.
  ///
  /// The layers are a tenant's, so no link in them is followed on the host.
  package static func names(of version: FunctionVersion, artifacts: String) throws(SystemError) -> [String] {
    guard !version.layers.isEmpty else { return [] }
    let store = try Descriptor.open(artifacts, flags: O_RDONLY | O_DIRECTORY)
    var names = Set<String>()
    var hidden = Set<String>()
    // The upper layers first: whatever they have hides what is beneath, a file a whole directory.
    for layer in version.layers.reversed() {
      guard let entries = try entries("\(layer)/layer/opt/extensions", in: store) else { break }
      for entry in entries where hidden.insert(entry.name).inserted && entry.kind != .directory { names.insert(entry.name) }
    }
    return names.sorted()
  }

  /// `nil` where something else lies there, which covers the layers beneath.
  private static func entries(_ path: String, in store: borrowing Descriptor) throws(SystemError) -> [DirectoryEntry]? {
    do {
      return try Descriptor.openBeneath(directory: store, path: path, flags: O_RDONLY | O_DIRECTORY).entries()
    } catch let error where error.errno == ENOENT {
      return []
    } catch let error where error.errno == ENOTDIR || error.errno == ELOOP {
      return nil
    }
  }
}

extension Launch {
  private static let keptFromExtensions: Set = [
    "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS",
    "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
  ]

  /// An external extension beside the runtime that is started so: with its variables but those that are the runtime's own.
  ///
  /// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>
  package func `extension`(_ name: String) -> Launch {
    var launch = self
    launch.arguments = ["\(ExternalExtensions.directory)/\(name)"]
    launch.workingDirectory = "/"
    launch.environment = environment.filter { !$0.key.hasPrefix("_") && !Self.keptFromExtensions.contains($0.key) }
    return launch
  }
}
