import Glibc

/// A folder with one runtime image that says just enough of itself.
enum RuntimesFolder {
  static func make() throws -> String {
    var template = Array("/tmp/roost-images-XXXXXX".utf8CString)
    let directory = String(cString: mkdtemp(&template))
    var path = directory
    for name in ["python3.11", "etc", "roost"] {
      path += "/" + name
      precondition(mkdir(path, 0o755) == 0)
    }
    let text = #"{"runtime":"python3.11","entrypoint":"/var/runtime/bootstrap","environment":{},"version":"python:3.11.v1"}"#
    let number = open(path + "/runtime.json", O_WRONLY | O_CREAT, 0o644)
    _ = text.withCString { write(number, $0, strlen($0)) }
    close(number)
    return directory
  }

  /// Takes away what ``make()`` made.
  static func remove(_ directory: String) {
    unlink(directory + "/python3.11/etc/roost/runtime.json")
    for path in ["/python3.11/etc/roost", "/python3.11/etc", "/python3.11", ""] { rmdir(directory + path) }
  }
}
