import CLinux
import Glibc

/// The system call filter that a process is under, as the kernel has it: classic BPF.
package struct InstalledFilter: Sendable, Hashable {
  /// One instruction, as `struct sock_filter` has it.
  package struct Instruction: Sendable, Hashable {
    package var code: UInt16
    package var jumpIfTrue: UInt8
    package var jumpIfFalse: UInt8
    package var operand: UInt32

    package init(code: UInt16, jumpIfTrue: UInt8 = 0, jumpIfFalse: UInt8 = 0, operand: UInt32) {
      self.code = code
      self.jumpIfTrue = jumpIfTrue
      self.jumpIfFalse = jumpIfFalse
      self.operand = operand
    }
  }

  package var instructions: [Instruction]

  package init(instructions: [Instruction]) { self.instructions = instructions }

  /// Asks the kernel for the filter that `process` put on last: the narrowest where each is narrower than the one before, as roostd's own and
  /// then the sandbox's are. ptrace(2), PTRACE_SECCOMP_GET_FILTER: for root of the host, where it is under no filter itself; the process
  /// is stopped for a moment.
  package init(lastOfProcess process: Int32) throws(SystemError) {
    self = try InstalledFilter(ofProcess: process, number: 0)
    var number: UInt32 = 1
    while true {
      do { self = try InstalledFilter(ofProcess: process, number: number) } catch let error where error.errno == ENOENT { return }
      number += 1
    }
  }

  /// The first is number 0.
  private init(ofProcess process: Int32, number: UInt32) throws(SystemError) {
    // BPF_MAXINSNS
    var words = [UInt64](repeating: 0, count: 4_096)
    let answer = unsafe words.withUnsafeMutableBytes { bytes in
      unsafe clinux_seccomp_filter(process, number, bytes.baseAddress, bytes.count / 8)
    }
    let count = try checked(answer, "ptrace PTRACE_SECCOMP_GET_FILTER", "process \(process)")
    instructions = words.prefix(count).map(Instruction.init(littleEndianWord:))
  }

  /// The program's bytes as the kernel takes them.
  package var bytes: [UInt8] {
    instructions.flatMap { one in
      let word = one.littleEndianWord
      return (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
    }
  }
}

extension InstalledFilter.Instruction {
  fileprivate init(littleEndianWord word: UInt64) {
    let word = UInt64(littleEndian: word)
    self.init(
      code: UInt16(truncatingIfNeeded: word), jumpIfTrue: UInt8(truncatingIfNeeded: word >> 16),
      jumpIfFalse: UInt8(truncatingIfNeeded: word >> 24), operand: UInt32(truncatingIfNeeded: word >> 32))
  }

  fileprivate var littleEndianWord: UInt64 {
    UInt64(code) | UInt64(jumpIfTrue) << 16 | UInt64(jumpIfFalse) << 24 | UInt64(operand) << 32
  }
}
