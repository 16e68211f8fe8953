package import FunctionModel

/// Why the catalog refused; the API turns each case into AWS's own error.
package enum CatalogError: Error, Sendable, Hashable {
  /// There is already one of this name.
  case exists
  case missing
  /// The revision that the caller expected is not the current one.
  case revisionMismatch
  /// The caller's own change said no.
  case refused(ServiceError)
  /// Every user id of the range is leased.
  case noUserIDLeft
  case store(StoreError)

  package var isOutOfSpace: Bool {
    if case .store(let error) = self { error.isOutOfSpace } else { false }
  }
}
