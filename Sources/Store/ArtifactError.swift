package import ArchiveStream
package import FunctionModel

/// Why an upload was not stored; the API turns each case into AWS's text.
package enum ArtifactError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Not a zip, or one that is damaged, truncated, encrypted or packed by a method other than store and deflate; the reason is for the
  /// log. AWS: "Could not unzip uploaded file. Please check your file, then try to upload again."
  case notAZip(reason: String)
  /// A zip without entries. AWS: "Uploaded file must be a non-empty zip".
  case empty
  /// AWS: "Unzipped size must be smaller than 262144000 bytes".
  case tooLargeUnzipped(limit: Int64)
  /// More files and directories than an artefact may have.
  case tooManyEntries(limit: Int)
  /// An entry that must not be unpacked: what it is called, and why.
  case unsafeEntry(name: String, reason: String)
  /// There is no such artefact.
  case missing(ContentDigest)
  /// The disk has no room for it.
  case noSpace(reason: String)
  /// The host has nobody to unpack it now: nothing is known of the archive.
  case noUnpacker(UnpackerUnavailable)
  case io(StoreError)

  package var description: String {
    switch self {
    case .notAZip(let reason): "not a usable zip: \(reason)"
    case .empty: "the zip has no entries"
    case .tooLargeUnzipped(let limit): "more than \(limit) bytes unzipped"
    case .tooManyEntries(let limit): "more than \(limit) files and directories"
    case .unsafeEntry(let name, let reason): "entry \(name): \(reason)"
    case .missing(let digest): "no artefact \(digest)"
    case .noSpace(let reason): reason
    case .noUnpacker(let error): "no unpacker: \(error)"
    case .io(let error): error.description
    }
  }
}

extension ArchiveLimits {
  /// AWS Lambda's quota of bytes, and bounds of our own on what it does not limit.
  package static let lambda = ArchiveLimits(unzippedBytes: Int64(Limits.unzippedCodeBytes), entries: 65_535, depth: 64)
}
