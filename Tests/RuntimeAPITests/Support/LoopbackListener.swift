import Glibc
import NIOCore
import NIOPosix

/// A TCP listener on 127.0.0.1, made with plain system calls as roostd makes the one inside a sandbox.
struct LoopbackListener {
  var descriptor: CInt
  var port: Int

  init() {
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    // The pointers are to `address`, which outlives each call, and `length` is its size.
    let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe bind(descriptor, generic, length) == 0 && listen(descriptor, 128) == 0 && getsockname(descriptor, generic, &length) == 0
      }
    }
    precondition(bound, "cannot listen on 127.0.0.1: errno \(errno)")
    self.descriptor = descriptor
    self.port = Int(UInt16(bigEndian: address.sin_port))
  }
}

extension LoopbackListener {
  /// Connects as the environment does: to a port of the sandbox's, which here is this host's own.
  @Sendable static func connect(_ port: Int) -> EventLoopFuture<CInt> {
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
    // As above.
    let answer = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe Glibc.connect(descriptor, generic, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    guard answer == 0 else {
      let failure = IOError(errnoCode: errno, reason: "connect")
      Glibc.close(descriptor)
      return loop.makeFailedFuture(failure)
    }
    return loop.makeSucceededFuture(descriptor)
  }
}
