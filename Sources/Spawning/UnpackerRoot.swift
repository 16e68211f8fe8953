import Glibc
import LinuxSystem

/// What the root of every unpacker's sandbox is laid from: a directory with the one program, and one with the places for mounts.
///
/// A copy that roostd makes at its start, in a directory that only root may enter: what stands beside roostd may be replaced while it runs,
/// and an overlay takes two directories.
struct UnpackerRoot: ~Copyable, Sendable {
  /// In `/`, where the supervisor has it started.
  static let program = "roost-unpack"

  let places: Descriptor
  let programs: Descriptor

  private init(places: consuming Descriptor, programs: consuming Descriptor) {
    self.places = places
    self.programs = programs
  }

  /// Makes both anew in `directory`.
  ///
  /// - Parameter path: the static program.
  static func make(in directory: borrowing Descriptor, program path: String) throws(SystemError) -> UnpackerRoot {
    let program = try Descriptor.open(path, flags: O_RDONLY)
    try directory.removeTree("unpacker")
    let root = try directory.makeDirectory("unpacker", mode: 0o755)
    let places = try root.makeDirectory("places", mode: 0o755)
    for name in ["dev", "proc", "tmp"] { try places.makeDirectory(name, mode: 0o755) }
    let programs = try root.makeDirectory("programs", mode: 0o755)
    let copy = try Descriptor.openBeneath(directory: programs, path: Self.program, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o555)
    try copy.setMode(0o555)
    try copy.append(contentsOf: program)
    return UnpackerRoot(places: places, programs: programs)
  }
}
