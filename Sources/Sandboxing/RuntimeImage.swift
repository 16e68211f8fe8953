import FoundationEssentials
package import FunctionModel

/// What a runtime image says of itself in `etc/roost/runtime.json`; adding a runtime is adding such an image.
package struct RuntimeImage: Sendable, Codable, Hashable {
  /// As in `python3.11`; equal to the name of the image's directory.
  package var runtime: String
  /// The program to start; absent means the first `bootstrap` in `/var/task`, `/opt`, `/var/runtime`.
  package var entrypoint: String?
  /// Environment variables that belong to the runtime, as `PYTHONPATH`.
  package var environment: [String: String]
  /// `Runtime Version` of the INIT_START line, as in `python:3.11.v1`.
  package var version: String
  /// SHA-256 over the image's tree, from `etc/roost/image.json`, which tools/build-rootfs writes; ends the runtime version ARN.
  package var tree: ContentDigest?
}

/// The part of an image's manifest that matters here.
private struct ImageManifest: Codable {
  var tree: ContentDigest
}

/// The runtime images installed on this host.
package struct RuntimeImages: Sendable {
  private let directory: String
  private let images: [String: RuntimeImage]

  /// Reads every image beneath `directory`. An image that cannot be read is left out and named in `problems`.
  package init(directory: String, problems: inout [String]) {
    self.directory = directory
    var images = [String: RuntimeImage]()
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []  // absent: no image is installed
    for name in names.sorted() where Runtime(name) != nil {
      do {
        let folder = "\(directory)/\(name)/etc/roost"
        var image: RuntimeImage = try Self.decode("\(folder)/runtime.json")
        if FileManager.default.fileExists(atPath: "\(folder)/image.json") {
          image.tree = try (Self.decode("\(folder)/image.json") as ImageManifest).tree
        }
        images[name] = image
      } catch {
        problems.append("runtime image \(directory)/\(name): \(error)")
      }
    }
    self.images = images
  }

  private static func decode<Value: Decodable>(_ path: String) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(contentsOf: URL(filePath: path)))
  }

  package subscript(runtime: Runtime) -> RuntimeImage? { images[runtime.identifier] }

  package var runtimes: [Runtime] { images.keys.sorted().compactMap(Runtime.init) }

  /// The program that starts a function version, as a path inside the sandbox; `nil` where Lambda answers
  /// `Runtime.InvalidEntrypoint`.
  package func entrypoint(for version: FunctionVersion, artifacts: String) -> String? {
    guard let image = self[version.runtime] else { return nil }
    if let entrypoint = image.entrypoint { return entrypoint }
    let files = FileManager.default
    if files.fileExists(atPath: "\(artifacts)/\(version.code)/code/var/task/bootstrap") { return "/var/task/bootstrap" }
    for layer in version.layers where files.fileExists(atPath: "\(artifacts)/\(layer)/layer/opt/bootstrap") {
      return "/opt/bootstrap"
    }
    let own = "/var/runtime/bootstrap"
    return files.fileExists(atPath: "\(directory)/\(version.runtime)\(own)") ? own : nil
  }
}
