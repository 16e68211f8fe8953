internal import FoundationEssentials
internal import FunctionModel
internal import Store

extension LambdaService {
  /// Unpacks the zip of a `Code` or `Content` structure.
  func upload(_ source: JSONValue, kind: ArtifactStore.Kind) async throws(ServiceError) -> CodeArtifact {
    let zip = try Self.zip(source, kind: kind)
    do throws(ArtifactError) {
      return try await artifacts.store(zip: zip, kind: kind)
    } catch {
      throw Self.serviceError(error)
    }
  }

  private static func zip(_ source: JSONValue, kind: ArtifactStore.Kind) throws(ServiceError) -> [UInt8] {
    if source.member("ImageUri") != nil {
      throw .invalidParameterValue("ImageUri is not supported by this release of Roost: upload a zip archive in ZipFile.")
    }
    if let key = source.member("SourceKMSKeyArn")?.string, !key.isEmpty {
      throw .invalidParameterValue("SourceKMSKeyArn is not supported by this release of Roost: archives are not encrypted with a key.")
    }
    guard let text = source.member("ZipFile")?.string else {
      if source.member("S3Bucket") != nil || source.member("S3Key") != nil {
        throw .invalidParameterValue(
          "S3Bucket and S3Key are not supported by this release of Roost: upload the archive itself in ZipFile, up to "
            + "\(Limits.zippedCodeBytes) bytes.")
      }
      throw .invalidParameterValue("Please provide a source for \(kind == .code ? "function code" : "layer content").")
    }
    guard let data = Data(base64Encoded: text) else { throw .serialization("ZipFile is not valid Base64") }
    guard data.count <= Limits.zippedCodeBytes else {
      throw .requestEntityTooLarge("Zipped size must be smaller than \(Limits.zippedCodeBytes) bytes")
    }
    guard !data.isEmpty else { throw .invalidParameterValue("Uploaded file must be a non-empty zip") }
    return [UInt8](data)
  }

  /// AWS's words, followed by what was found, which AWS does not tell.
  static func serviceError(_ error: ArtifactError) -> ServiceError {
    let couldNot = "Could not unzip uploaded file. Please check your file, then try to upload again."
    return switch error {
    case .notAZip(let reason): .invalidParameterValue("\(couldNot) (\(reason))")
    case .empty: .invalidParameterValue("Uploaded file must be a non-empty zip")
    case .tooLargeUnzipped(let limit): .invalidParameterValue("Unzipped size must be smaller than \(limit) bytes")
    case .tooManyEntries, .unsafeEntry: .invalidParameterValue("\(couldNot) (\(error))")
    case .noSpace(let reason): .codeStorageExceeded("Code storage limit exceeded: \(reason).")
    case .io(let error) where error.isOutOfSpace: .codeStorageExceeded("Code storage limit exceeded: the host's disk is full.")
    case .missing, .noUnpacker, .io: .host(error)
    }
  }

  /// Code and layers together are limited too, and known only once both are.
  static func checkTotalSize(code: CodeArtifact, layers: [LayerReference]) throws(ServiceError) {
    let total = layers.reduce(code.unzippedBytes) { $0 + $1.code.unzippedBytes }
    guard total <= Int64(Limits.unzippedCodeBytes) else {
      throw .invalidParameterValue(
        "Function code combined with layers exceeds the maximum allowed size of \(Limits.unzippedCodeBytes) bytes. The actual size is "
          + "\(total) bytes.")
    }
  }

  func checkArchitectures(_ body: JSONValue) throws(ServiceError) -> [String]? {
    guard let names = body.member("Architectures")?.array?.compactMap(\.string) else { return nil }
    guard names == [configuration.architecture] else {
      throw .invalidParameterValue(
        "This host runs functions for \(configuration.architecture) only, not for \(names.joined(separator: ", ")).")
    }
    return names
  }
}
