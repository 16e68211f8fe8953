package import ArchiveStream
import Crypto
package import FunctionModel
import Glibc

/// Uploaded zips and their unpacked trees, by the SHA-256 of the zip.
///
///     <directory>/<sha256>/zip                the bytes as uploaded
///     <directory>/<sha256>/code/var/task/…    as a function's code
///     <directory>/<sha256>/layer/opt/…        as a layer
///     <directory>/.incoming-…                 being made; swept at start
///
/// A tree appears by one `rename` when it is complete and on disk: what is there under its name is whole. Trees are never changed
/// afterwards, so that any number of sandboxes may have one mounted.
package final class ArtifactStore: Sendable {
  /// What an artefact is unpacked as; decides where its tree begins.
  package enum Kind: String, Sendable, CaseIterable {
    case code
    case layer

    var name: FileName { FileName(rawValue) }

    /// The directories between the artefact's tree and the archive's root.
    var mountPoint: [FileName] {
      switch self {
      case .code: ["var", "task"]
      case .layer: ["opt"]
      }
    }
  }

  /// Unpackers that may run at the same time.
  package static let unpackersAtOnce = 2

  let directory: String
  let limits: ArchiveLimits
  /// Bytes of the disk that artefacts leave free.
  let reserve: Int64
  let unpacker: any ArchiveUnpacker
  private let work = BlockingWork(label: "roost.artifacts")
  /// Each unpacking waits for its unpacker and for the disk on a thread of its own.
  private let desks = Desks(count: ArtifactStore.unpackersAtOnce)

  /// Opens the store, making `directory` if need be, and removes what a crash left half made. Blocks: call it while starting.
  package init(
    directory: String, unpacker: any ArchiveUnpacker, limits: ArchiveLimits = .lambda, reserve: Int64 = 0
  ) throws(StoreError) {
    self.directory = directory
    self.unpacker = unpacker
    self.limits = limits
    self.reserve = reserve
    do throws(CallError) {
      try Folder.make(path: directory)
      let root = try Folder.open(path: directory)
      for name in try root.names() where name.isTemporary { try root.removeTree(name) }
    } catch { throw error.worded(in: directory) }
  }

  /// Has a zip unpacked and keeps it. Storing the same bytes again finds them there; the answer is the same.
  ///
  /// Two at a time are unpacked; others wait for their turn. On an error nothing is left behind.
  package func store(zip: [UInt8], kind: Kind) async throws(ArtifactError) -> CodeArtifact {
    let digest = await work.run { Self.digest(of: zip) }
    if let known = try await found(digest, kind, zip) { return known }
    let desk = await desks.take()
    let result: Result<CodeArtifact, ArtifactError>
    do throws(ArtifactError) {
      // Somebody else may have stored it meanwhile.
      if let known = try await found(digest, kind, zip) {
        result = .success(known)
      } else {
        result = .success(try await unpack(zip, as: digest, kind, at: desk))
      }
    } catch { result = .failure(error) }
    await desks.giveBack(desk)
    return try result.get()
  }

  private func unpack(
    _ zip: [UInt8], as digest: ContentDigest, _ kind: Kind, at desk: BlockingWork
  ) async throws(ArtifactError) -> CodeArtifact {
    try await work.run { [self] () throws(ArtifactError) in try checkSpace(for: Int64(zip.count)) }
    let session: any UnpackerSession
    do throws(UnpackerUnavailable) { session = try await unpacker.begin(zip, limits: limits) } catch { throw .noUnpacker(error) }
    let result: Result<Int64, ArtifactError> = await desk.run { [self] in
      do throws(ArtifactError) { return .success(try make(digest, kind, from: zip, unpackedBy: session)) } catch {
        return .failure(error)
      }
    }
    let misfortune = await session.end()
    do throws(ArtifactError) {
      return CodeArtifact(digest: digest, zippedBytes: Int64(zip.count), unzippedBytes: try result.get())
    } catch {
      // An answer that was cut short says nothing about the archive then.
      guard case .notAZip = error, let misfortune else { throw error }
      throw .noUnpacker(misfortune)
    }
  }

  /// What is there already, made young again.
  private func found(_ digest: ContentDigest, _ kind: Kind, _ zip: [UInt8]) async throws(ArtifactError) -> CodeArtifact? {
    guard contains(digest, kind) else { return nil }
    return try await work.run { [self] () throws(ArtifactError) in
      try io { () throws(CallError) in
        let root = try Folder.open(path: directory)
        try root.touch(digest.name)
        let bytes = try root.folder(digest.name).folder(kind.name).contents().bytes
        return CodeArtifact(digest: digest, zippedBytes: Int64(zip.count), unzippedBytes: bytes)
      }
    }
  }

  /// The bytes as they were uploaded. Throws ``ArtifactError/missing(_:)``.
  package func zip(_ digest: ContentDigest) async throws(ArtifactError) -> [UInt8] {
    try await work.run { [self] () throws(ArtifactError) in
      do throws(CallError) {
        return try Folder.open(path: directory).folder(digest.name).file(.zip).readAll()
      } catch {
        throw error.code == ENOENT ? .missing(digest) : .io(error.worded(in: directory))
      }
    }
  }

  /// Whether an artefact is there, unpacked as `kind`. One `fstatat`.
  package func contains(_ digest: ContentDigest, _ kind: Kind) -> Bool {
    do throws(CallError) {
      return try Folder.open(path: directory).folder(digest.name).status(kind.name) != nil
    } catch { return false }  // whatever the reason, it cannot be used
  }

  /// Whether all that an environment of the function needs is there: its code and its layers.
  package func isComplete(_ function: FunctionConfiguration) -> Bool {
    contains(function.code.digest, .code) && function.layers.allSatisfy { contains($0.code.digest, .layer) }
  }

  /// Removes the artefacts that nobody needs. Trees that are mounted count as needed: the caller puts them into `needed`.
  ///
  /// - Parameter age: what was stored less than this ago stays: its function may not be in the catalog yet.
  package func collect(keeping needed: Set<ContentDigest>, olderThan age: Duration = .seconds(900)) async throws(ArtifactError) {
    try await work.run { [self] () throws(ArtifactError) in
      try io { () throws(CallError) in
        let root = try Folder.open(path: directory)
        let youngest = currentMilliseconds() / 1000 - age.components.seconds
        for name in try root.names() {
          guard let digest = ContentDigest(name.description), !needed.contains(digest) else { continue }
          guard let status = try root.status(name), status.st_mtim.tv_sec <= youngest else { continue }
          try root.discard(name)
        }
      }
    }
  }

  private static func digest(of zip: [UInt8]) -> ContentDigest {
    guard let digest = ContentDigest(bytes: Array(SHA256.hash(data: zip))) else { preconditionFailure("SHA-256 has 32 bytes") }
    return digest
  }

  func io<Value: ~Copyable>(_ body: () throws(CallError) -> Value) throws(ArtifactError) -> Value {
    do { return try body() } catch {
      let error = error.worded(in: directory)
      throw error.isOutOfSpace ? .noSpace(reason: "the host's disk is full") : .io(error)
    }
  }
}

extension ContentDigest {
  var name: FileName { FileName(hexadecimal) }
}

extension FileName {
  static let zip: FileName = "zip"
  private static let temporaryPrefix = ".incoming-"

  static func temporary() -> FileName {
    FileName("\(temporaryPrefix)\(getpid())-\(UInt64.random(in: .min ... .max))")
  }

  fileprivate var isTemporary: Bool { description.hasPrefix(FileName.temporaryPrefix) }
}

extension Folder {
  /// Takes an artefact away at once, by a rename, and then removes it piece by piece.
  fileprivate borrowing func discard(_ name: FileName) throws(CallError) {
    let temporary = FileName.temporary()
    try move(name, into: self, as: temporary)
    try removeTree(temporary)
  }

  /// Makes an artefact young again.
  fileprivate borrowing func touch(_ name: FileName) throws(CallError) {
    try setTimes(name, to: Int(currentMilliseconds() / 1000))
  }
}
