import FunctionModel
import Glibc
import Testing

@testable import Sandboxing

@Suite struct `External extensions` {
  private let store: String
  private let layers = ["a", "b"].map { ContentDigest(String(repeating: $0, count: 64))! }

  init() {
    var template = Array("/tmp/roost-layers-XXXXXX".utf8CString)
    store = String(cString: mkdtemp(&template))
  }

  private func version(layers: [ContentDigest]) -> FunctionVersion {
    FunctionVersion(
      key: .init(function: FunctionID(owner: Owner(account: "1", region: "r"), name: "hello"), version: "$LATEST", revision: "1"),
      runtime: Runtime("python3.11")!, handler: "h", role: "", timeout: .seconds(3), memory: .megabytes(128),
      ephemeralStorage: .megabytes(512), environment: ["MINE": "1"], code: ContentDigest(String(repeating: "0", count: 64))!,
      layers: layers, logGroup: "/aws/lambda/hello")
  }

  private func opt(of layer: ContentDigest) -> String {
    var path = store
    for name in ["\(layer)", "layer", "opt"] {
      path += "/" + name
      mkdir(path, 0o755)
    }
    return path
  }

  private func extensions(of layer: ContentDigest) -> String {
    let path = opt(of: layer) + "/extensions"
    mkdir(path, 0o755)
    return path
  }

  private func file(_ path: String) { close(open(path, O_WRONLY | O_CREAT, 0o644)) }

  private func names() throws -> [String] { try ExternalExtensions.names(of: version(layers: layers), artifacts: store) }

  private func remove() {
    for layer in layers {
      let extensions = extensions(of: layer)
      for name in ["both", "lower", "program", "link"] { unlink("\(extensions)/\(name)") }
      for path in ["\(extensions)/folder", "\(extensions)/both", extensions] { rmdir(path) }
      unlink(extensions)
      for path in ["opt", ""] { rmdir("\(store)/\(layer)/layer/\(path)") }
      rmdir("\(store)/\(layer)")
    }
    rmdir(store)
  }

  @Test func `are all files of all layers, sorted, and no directories`() throws {
    defer { remove() }
    file(extensions(of: layers[0]) + "/program")
    file(extensions(of: layers[0]) + "/lower")
    mkdir(extensions(of: layers[0]) + "/folder", 0o755)
    symlink("program", extensions(of: layers[1]) + "/link")
    #expect(try names() == ["link", "lower", "program"])
    #expect(try ExternalExtensions.names(of: version(layers: []), artifacts: "/nowhere") == [])
  }

  @Test func `a later layer hides what an earlier one has under that name, be it by a directory`() throws {
    defer { remove() }
    file(extensions(of: layers[0]) + "/both")
    file(extensions(of: layers[0]) + "/lower")
    mkdir(extensions(of: layers[1]) + "/both", 0o755)
    #expect(try names() == ["lower"])
  }

  @Test func `a link in the place of the directory is not followed`() throws {
    defer { remove() }
    file(extensions(of: layers[0]) + "/lower")
    symlink("/usr/bin", opt(of: layers[1]) + "/extensions")
    #expect(try names() == [])
  }

  @Test func `have the function's variables but those of the runtime`() throws {
    defer { remove() }
    let image = RuntimeImage(runtime: "python3.11", entrypoint: "/b", environment: ["AWS_EXECUTION_ENV": "x"], version: "1", tree: nil)
    let runtime = Launch(
      version: version(layers: []), image: image, entrypoint: "/b", logStream: "s",
      credentials: FunctionCredentials(accessKeyID: "k", secretAccessKey: "s", sessionToken: "t", expires: nil))
    let launch = runtime.extension("agent")
    #expect(launch.arguments == ["/opt/extensions/agent"])
    let kept = launch.environment
    #expect(kept["MINE"] == "1" && kept["AWS_LAMBDA_RUNTIME_API"] != nil && kept["AWS_SESSION_TOKEN"] == "t")
    #expect(kept.keys.allSatisfy { !$0.hasPrefix("_") })
    let gone = Set(runtime.environment.keys).subtracting(kept.keys).filter { !$0.hasPrefix("_") }
    #expect(
      gone == [
        "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
      ])
  }
}
