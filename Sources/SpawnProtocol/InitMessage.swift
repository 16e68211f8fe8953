// What is spoken over a sandbox's control socket (SOCK_SEQPACKET), between the supervisor and roost-init (C: roost-init.h has
// the same numbers). Integers are little-endian; one message is one packet of at most 65,536 bytes.
//
//   to roost-init      1 start    u8 kind=1, u8 program, u8 count of descriptors beside the packet (0 to 4), u8 zero, u32 argc, u32 envc,
//                                 u8[4] the numbers that those descriptors shall have in the program (zero beyond the count), then
//                                 NUL-terminated strings: working directory, argc arguments (the first is the path to execute), envc
//                                 NAME=VALUE entries
//                      2 signal   u8 kind=2, u8 program, u8[2] zero, u32 signal number: to the process group of that program
//                      3 socket   u8 kind=3, u8[3] zero
//   from roost-init    1 started  u8 kind=1, u8 program, u8[2] zero, u32 pid as seen inside
//                      2 failed   u8 kind=2, u8 program, u8[2] zero, u32 errno of chdir or execve
//                      3 exited   u8 kind=3, u8 program, u8[2] zero, u32 0 = exited / 1 = signalled, u32 status or signal number
//                      4 socket   u8 kind=4, u8[3] zero, u32 errno, or 0: a TCP socket of the sandbox's network is beside the packet
//
// Program 0 is the runtime, 1 to 10 are the extensions, which are started before it: the start of the runtime is the last. Where it is
// passed no descriptors, a program has what the sandbox was made with: /dev/null and the pipes of standard output and error. When the
// socket's other end is closed, roost-init ends, and the kernel ends the sandbox.

/// One of the programs that are started in a sandbox, the runtime or an extension.
package struct ProgramNumber: Sendable, Hashable, Comparable {
  package static let runtime = ProgramNumber(checked: 0)
  /// Each may be an extension's.
  package static let extensions = (1...10).map { ProgramNumber(checked: UInt8($0)) }

  package let rawValue: UInt8

  /// `nil` where there is no such program.
  package init?(rawValue: UInt8) {
    guard rawValue <= 10 else { return nil }
    self.rawValue = rawValue
  }

  private init(checked: UInt8) { rawValue = checked }

  package static func < (one: ProgramNumber, other: ProgramNumber) -> Bool { one.rawValue < other.rawValue }
}

/// From the supervisor to roost-init.
package enum InitRequest: Sendable, Hashable {
  case start(ProgramStart)
  case signal(Int32, ProgramNumber)
  /// To make a TCP socket in the sandbox's network, and send it.
  case socket
}

/// What a program is started with.
package struct ProgramStart: Sendable, Hashable {
  package var program: ProgramNumber
  package var workingDirectory: String
  /// The first is the path to execute.
  package var arguments: [String]
  /// `NAME=VALUE`
  package var environment: [String]
  /// The numbers that the descriptors beside the packet shall have in the program: 1, 2, or 16 to 63.
  package var descriptors: [UInt8]

  package init(
    program: ProgramNumber = .runtime, workingDirectory: String, arguments: [String], environment: [String], descriptors: [UInt8] = []
  ) {
    self.program = program
    self.workingDirectory = workingDirectory
    self.arguments = arguments
    self.environment = environment
    self.descriptors = descriptors
  }
}

/// From roost-init to the supervisor.
package enum InitEvent: Sendable, Hashable {
  case started(ProgramNumber, processID: UInt32)
  case failed(ProgramNumber, errno: Int32)
  case exited(ProgramNumber, ExitStatus)
  /// With 0, the socket is beside the packet.
  case socket(errno: Int32)
}

/// How a process ended, as `waitid(2)` tells it.
package enum ExitStatus: Sendable, Hashable {
  case code(Int32)
  case signal(Int32)
}

package enum InitMessage {
  package static let maximumPacket = 65_536
  /// Descriptors that may be passed to one program.
  package static let maximumDescriptors = 4
}
