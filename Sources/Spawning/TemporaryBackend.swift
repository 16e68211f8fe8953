/// What `/tmp` is made of, as the configuration says (`tmp-backend`).
package enum TemporaryBackend: String, Sendable, Hashable {
  /// ext4 on loop devices, or where there are none tmpfs.
  case auto
  case ext4
  case btrfs
  case tmpfs
}
