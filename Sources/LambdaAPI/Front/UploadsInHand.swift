internal import FunctionModel
internal import Synchronization

/// The uploads that are being read, unpacked, or waiting for their turn. Each holds its body in memory meanwhile, so that there must not be
/// any number of them: one too many is told to come again.
final class UploadsInHand: Sendable {
  /// A pipeline that deploys everything at once may have so many.
  static let maximumCount = 64
  /// Of the bodies together: two of the largest, for two are unpacked at a time.
  static let maximumBytes = 2 * Limits.createFunctionBodyBytes
  /// About what the largest archive takes.
  static let retryAfterSeconds = 5

  private let state = Mutex((count: 0, bytes: 0))

  /// One upload, from its head to its answer.
  struct Upload {
    private let uploads: UploadsInHand
    private var bytes = 0

    fileprivate init(_ uploads: UploadsInHand) { self.uploads = uploads }

    /// To be called exactly once.
    mutating func end() {
      uploads.take(count: -1, bytes: -bytes)
      bytes = 0
    }

    /// Counts bytes that have come: those that are only announced must not keep others out.
    mutating func add(bytes more: Int) throws(ServiceError) {
      guard uploads.take(count: 0, bytes: more) else { throw .tooManyUploads }
      bytes += more
    }
  }

  func begin() throws(ServiceError) -> Upload {
    guard take(count: 1, bytes: 0) else { throw .tooManyUploads }
    return Upload(self)
  }

  @discardableResult
  private func take(count: Int, bytes: Int) -> Bool {
    state.withLock { state in
      guard state.count + count <= Self.maximumCount, state.bytes + bytes <= Self.maximumBytes else { return false }
      state.count += count
      state.bytes += bytes
      return true
    }
  }
}

extension ServiceError {
  fileprivate static var tooManyUploads: ServiceError {
    var error = ServiceError.tooManyRequests(.callerRateLimitExceeded)
    error.retryAfterSeconds = UploadsInHand.retryAfterSeconds
    return error
  }
}
