import LinuxSystem

/// What a filter answers to each system call, found by running its program: no list of ours is asked.
///
/// The calls' arguments are unknown here. Where the program looks at one, both ways are followed; what then has one answer has it
/// whatever the arguments are, and what has several is decided by argument.
struct SystemCallPolicy: Sendable, Hashable {
  /// What a filter says to one call.
  enum Verdict: Sendable, Hashable {
    case allowed
    /// The call fails with this errno; with 0 it succeeds without having happened.
    case error(UInt16)
    /// The process is killed, or a tracer asked, or whatever else there is: the action's number.
    case other(UInt32)
  }

  /// By the call's number.
  private(set) var verdicts: [Int: Set<Verdict>] = [:]
  /// What is answered to another architecture's calls.
  let foreign: Set<Verdict>

  /// Of a filter for this machine's calls, with those that ``SystemCallNames`` knows.
  init(_ filter: InstalledFilter) {
    for number in SystemCallNames.numbers {
      verdicts[number] = FilterRun(filter, call: UInt32(number), architecture: Self.architecture).verdicts
    }
    foreign = FilterRun(filter, call: 0, architecture: 0x4000_0003 /* AUDIT_ARCH_I386 */).verdicts
  }

  /// AUDIT_ARCH_* of linux/audit.h
  private static var architecture: UInt32 {
    #if arch(arm64)
      0xC000_00B7
    #else
      0xC000_003E
    #endif
  }

  /// Names of the calls that pass whatever their arguments are.
  var allowed: [String] { names { $0 == [.allowed] } }
  /// Those that pass with some arguments and not with others.
  var decidedByArgument: [String] { names { $0.count > 1 && $0.contains(.allowed) } }
  /// Those that seem to succeed and do nothing.
  var ineffective: [String] { names { $0 == [.error(0)] } }
  /// Those that never pass, by errno.
  func refused(with errno: UInt16) -> [String] { names { $0 == [.error(errno)] } }
  /// Those that never pass and have no single errno.
  var refusedOtherwise: [String] {
    names { $0.count > 1 && !$0.contains(.allowed) || $0.contains { if case .other = $0 { true } else { false } } }
  }

  /// Whether the call may pass, with whatever arguments.
  func mayPass(_ name: String) -> Bool {
    verdicts.contains { SystemCallNames.name($0.key) == name && $0.value.contains(.allowed) }
  }

  private func names(where isMeant: (Set<Verdict>) -> Bool) -> [String] {
    verdicts.filter { isMeant($0.value) }.map { SystemCallNames.name($0.key) }.sorted()
  }
}

/// One run of a filter's program with a known call and unknown arguments.
private struct FilterRun {
  private let program: [InstalledFilter.Instruction]
  private let call: UInt32
  private let architecture: UInt32
  private(set) var verdicts: Set<SystemCallPolicy.Verdict> = []
  /// Forks that were taken already: ways join again, and there would be more of them than can be walked.
  private var forks: Set<Int> = []

  init(_ filter: InstalledFilter, call: UInt32, architecture: UInt32) {
    program = filter.instructions
    self.call = call
    self.architecture = architecture
    follow(from: 0, accumulator: nil)
  }

  /// Jumps go forward only, so that every way ends. `nil` in the accumulator: something that depends on the arguments.
  private mutating func follow(from start: Int, accumulator value: UInt32?) {
    var at = start
    var accumulator = value
    while at < program.count {
      let one = program[at]
      at += 1
      switch one.code {
      case 0x20: accumulator = load(one.operand)  // ld [k]
      case 0x54: accumulator = accumulator.map { $0 & one.operand }  // and #k
      case 0x05: at += Int(one.operand)  // ja
      case 0x15, 0x25, 0x35, 0x45:
        if let value = accumulator {
          at += Int(Self.holds(one, value) ? one.jumpIfTrue : one.jumpIfFalse)
        } else {
          // The accumulator holds an argument, unknown as it is, so the place alone tells a fork from another.
          guard forks.insert(at).inserted else { return }
          follow(from: at + Int(one.jumpIfTrue), accumulator: nil)
          at += Int(one.jumpIfFalse)
        }
      case 0x06:  // ret #k
        verdicts.insert(Self.verdict(one.operand))
        return
      // What no filter of ours contains: nothing is claimed about the call.
      default:
        verdicts.formUnion([.allowed, .other(0)])
        return
      }
    }
  }

  /// `struct seccomp_data`: the number at 0, the architecture at 4.
  private func load(_ offset: UInt32) -> UInt32? { offset == 0 ? call : offset == 4 ? architecture : nil }

  private static func holds(_ one: InstalledFilter.Instruction, _ value: UInt32) -> Bool {
    switch one.code {
    case 0x15: value == one.operand
    case 0x25: value > one.operand
    case 0x35: value >= one.operand
    default: value & one.operand != 0
    }
  }

  /// SECCOMP_RET_* of linux/seccomp.h
  private static func verdict(_ answer: UInt32) -> SystemCallPolicy.Verdict {
    switch answer & 0xFFFF_0000 {
    case 0x7FFF_0000: .allowed
    case 0x0005_0000: .error(UInt16(truncatingIfNeeded: answer))
    default: .other(answer)
    }
  }
}
