import ArgumentParser
import FoundationEssentials

/// Where a function's code comes from.
struct CodeSource: ParsableArguments {
  @Option(help: ArgumentHelp("A zip file with the code.", valueName: "file"), completion: .file(extensions: ["zip"]))
  var zip: String?

  @Option(help: ArgumentHelp("A directory with the code; it is zipped here.", valueName: "dir"), completion: .directory)
  var directory: String?

  func validate() throws {
    if zip != nil, directory != nil { throw ValidationError("give --zip or --directory, not both") }
  }

  /// The zip, or `nil` when neither option was given.
  func bytes() throws(CommandFailure) -> [UInt8]? {
    if let zip { return try LocalFile.bytes(at: zip) }
    guard let directory else { return nil }
    return try DirectoryZip.bytes(of: directory)
  }

  /// AWS's `ZipFile`: base64.
  func member() throws(CommandFailure) -> JSONValue? {
    try bytes().map { .string(Data($0).base64EncodedString()) }
  }
}
