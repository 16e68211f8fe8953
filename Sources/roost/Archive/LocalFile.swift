import FoundationEssentials

/// Files that the person names on the command line.
enum LocalFile {
  /// All of it; a failure names the file and the reason.
  static func bytes(at path: String) throws(CommandFailure) -> [UInt8] {
    do {
      return Array(try Data(contentsOf: URL(filePath: path)))
    } catch {
      throw failure(reading: path, error)
    }
  }

  static func failure(reading path: String, _ error: any Error) -> CommandFailure {
    guard let reason = (error as? CocoaError)?.code else { return CommandFailure(.usage, "cannot read \(path): \(error)") }
    return switch reason {
    case .fileReadNoSuchFile, .fileNoSuchFile: CommandFailure(.usage, "cannot read \(path): no such file or directory")
    case .fileReadNoPermission: CommandFailure(.usage, "cannot read \(path): permission denied")
    default: CommandFailure(.usage, "cannot read \(path): \(error)")
    }
  }
}
