// What is spoken over a sandbox's control socket (SOCK_SEQPACKET), between the supervisor and roost-init (C: roost-init.h has
// the same numbers). Integers are little-endian; one message is one packet of at most 65,536 bytes.
//
//   to roost-init      1 start    u8 kind=1, u8[3] zero, u32 argc, u32 envc, then NUL-terminated strings: working directory,
//                                 argc arguments (the first is the path to execute), envc NAME=VALUE entries
//                      2 signal   u8 kind=2, u8[3] zero, u32 signal number: to the process group of the started program
//   from roost-init    1 started  u8 kind=1, u8[3] zero, u32 pid as seen inside
//                      2 failed   u8 kind=2, u8[3] zero, u32 errno of chdir or execve
//                      3 exited   u8 kind=3, u8[3] zero, u32 0 = exited / 1 = signalled, u32 status or signal number
//
// roost-init starts one program in its life. When the socket's other end is closed, it ends, and the kernel ends the sandbox.

/// From the supervisor to roost-init.
package enum InitRequest: Sendable, Hashable {
  case start(workingDirectory: String, arguments: [String], environment: [String])
  case signal(Int32)
}

/// From roost-init to the supervisor.
package enum InitEvent: Sendable, Hashable {
  case started(processID: UInt32)
  case failed(errno: Int32)
  case exited(ExitStatus)
}

/// How a process ended, as `waitid(2)` tells it.
package enum ExitStatus: Sendable, Hashable {
  case code(Int32)
  case signal(Int32)
}

package enum InitMessage {
  package static let maximumPacket = 65_536
}
