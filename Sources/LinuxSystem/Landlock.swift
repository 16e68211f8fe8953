import CLinux

/// What this kernel has of Landlock, the access control that a process puts on itself.
package enum Landlock {
  /// The version of its interface; `nil` where there is none, or where it was not enabled at boot.
  package static var version: Int? {
    let answer = clinux_landlock_abi()
    return answer > 0 ? Int(answer) : nil
  }
}
