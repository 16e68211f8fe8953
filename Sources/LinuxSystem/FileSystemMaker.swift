import Glibc

/// The programs that make file systems: mke2fs(8), mkfs.btrfs(8).
enum FileSystemMaker {
  /// Runs `program` with `arguments` and the file's name at their end; at most for a minute.
  ///
  /// - Throws: EIO with the program's own words when it fails.
  static func run(_ program: String, _ arguments: [String], on file: borrowing Descriptor) throws(SystemError) {
    let name = String(program.split(separator: "/").last ?? "")
    let messages = try Pipe(nonBlockingReadEnd: true)
    // By its own descriptor: into ours, since we are not dumpable, only CAP_SYS_PTRACE would let it look.
    let process = try ChildProcess(
      program: program, arguments: arguments + ["/proc/self/fd/3"], output: messages.writeEnd.rawValue, inherited: file.rawValue)
    guard let end = try process.end(within: .seconds(60)) else {
      throw SystemError(call: name, object: "not done within 60 s", errno: ETIMEDOUT)
    }
    guard end == .code(0) else {
      var text: [UInt8] = []
      _ = try messages.readEnd.read(into: &text, upTo: 1_024)
      throw SystemError(call: name, object: String(decoding: text, as: UTF8.self), errno: EIO)
    }
  }
}
