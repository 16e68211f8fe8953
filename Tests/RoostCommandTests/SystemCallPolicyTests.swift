import LinuxSystem
import Testing

@testable import roost

/// What a filter says is found by running it.
@Suite struct SystemCallPolicyTests {
  private typealias Instruction = InstalledFilter.Instruction

  private static let load: UInt16 = 0x20, jumpIfEqual: UInt16 = 0x15, jumpIfGreater: UInt16 = 0x25, jumpIfSet: UInt16 = 0x45,
    and: UInt16 = 0x54
  private static let answer: UInt16 = 0x06
  private static let allow: UInt32 = 0x7FFF_0000, eperm: UInt32 = 0x0005_0001, enosys: UInt32 = 0x0005_0026

  /// The numbers differ between architectures; the names do not.
  private static func number(_ name: String) -> UInt32 {
    UInt32(SystemCallNames.numbers.first { SystemCallNames.name($0) == name } ?? -1)
  }

  private static func policy(_ instructions: Instruction...) -> SystemCallPolicy {
    SystemCallPolicy(InstalledFilter(instructions: instructions))
  }

  @Test func `calls are told apart by number`() {
    let policy = Self.policy(
      Instruction(code: Self.load, operand: 0),
      Instruction(code: Self.jumpIfEqual, jumpIfTrue: 2, jumpIfFalse: 0, operand: Self.number("read")),
      Instruction(code: Self.jumpIfEqual, jumpIfTrue: 2, jumpIfFalse: 0, operand: Self.number("mount")),
      Instruction(code: Self.answer, operand: Self.enosys), Instruction(code: Self.answer, operand: Self.allow),
      Instruction(code: Self.answer, operand: Self.eperm))
    #expect(policy.allowed == ["read"] && policy.refused(with: 1) == ["mount"] && policy.decidedByArgument.isEmpty)
    #expect(policy.refused(with: 38).count == SystemCallNames.numbers.count - 2)
    #expect(policy.mayPass("read") && !policy.mayPass("mount") && !policy.mayPass("write"))
  }

  @Test func `a call whose argument is looked at may pass`() {
    let policy = Self.policy(
      Instruction(code: Self.load, operand: 16), Instruction(code: Self.and, operand: 7),
      Instruction(code: Self.jumpIfSet, jumpIfTrue: 0, jumpIfFalse: 1, operand: 4), Instruction(code: Self.answer, operand: Self.eperm),
      Instruction(code: Self.answer, operand: Self.allow))
    #expect(policy.allowed.isEmpty && policy.decidedByArgument.count == SystemCallNames.numbers.count)
    #expect(policy.mayPass("mount"))
  }

  @Test func `calls of another architecture are judged by themselves`() {
    let policy = Self.policy(
      Instruction(code: Self.load, operand: 4), Instruction(code: Self.jumpIfEqual, jumpIfTrue: 0, jumpIfFalse: 1, operand: 0x4000_0003),
      Instruction(code: Self.answer, operand: Self.eperm), Instruction(code: Self.answer, operand: Self.allow))
    #expect(policy.foreign == [.error(1)] && policy.mayPass("mount"))
  }

  @Test func `a filter that kills refuses, and one that is not understood may let pass`() {
    let killing = Self.policy(Instruction(code: Self.answer, operand: 0x8000_0000))
    #expect(!killing.mayPass("read") && killing.refusedOtherwise.contains("read"))
    let strange = Self.policy(Instruction(code: 0x07, operand: 0), Instruction(code: Self.answer, operand: Self.eperm))
    #expect(strange.mayPass("mount"), "no promise is made about what was not understood")
  }

  @Test func `ways that part and join many times are walked once`() {
    // As sixty arguments compared one after the other: 2 to the 60 ways.
    var instructions: [Instruction] = []
    for _ in 0..<60 {
      instructions.append(Instruction(code: Self.load, operand: 16))
      instructions.append(Instruction(code: Self.jumpIfGreater, jumpIfTrue: 0, jumpIfFalse: 0, operand: 1))
    }
    instructions.append(Instruction(code: Self.answer, operand: Self.allow))
    #expect(SystemCallPolicy(InstalledFilter(instructions: instructions)).allowed.count == SystemCallNames.numbers.count)
  }

  @Test func `names are the kernel's`() {
    #if arch(x86_64)
      for (number, name) in [
        (0, "read"), (59, "execve"), (165, "mount"), (334, "rseq"), (425, "io_uring_setup"), (435, "clone3"), (462, "mseal"),
      ] {
        #expect(SystemCallNames.name(number) == name)
      }
    #else
      for (number, name) in [(40, "mount"), (63, "read"), (221, "execve"), (425, "io_uring_setup"), (435, "clone3"), (462, "mseal")] {
        #expect(SystemCallNames.name(number) == name)
      }
    #endif
    #expect(SystemCallNames.name(4_000) == "call 4000")
  }
}
