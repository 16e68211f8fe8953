import CLinux
import Glibc

/// TCP over loopback addresses, tcp(7), for the connection between a sandbox and who made it.
package enum StreamSocket {
  /// accept4(2) on a non-blocking listener: a non-blocking connection, or `nil` when nobody waits.
  package static func accept(from listener: borrowing Descriptor) throws(SystemError) -> Descriptor? {
    guard let number = try checkedUnlessBlocked(clinux_accept(listener.rawValue), "accept4", "socket \(listener.rawValue)") else {
      return nil
    }
    return Descriptor(owning: number)
  }

  /// connect(2): a connection of the blocking kind.
  package static func connect(to address: (UInt8, UInt8, UInt8, UInt8), port: UInt16) throws(SystemError) -> Descriptor {
    let (a, b, c, d) = address
    let answer = clinux_connect(UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d), port)
    return Descriptor(owning: try checked(answer, "connect", "\(a).\(b).\(c).\(d):\(port)"))
  }

  /// send(2) without waiting and without SIGPIPE: how many of `bytes` went in, or `nil` when none goes in now.
  package static func send(_ bytes: ArraySlice<UInt8>, over socket: borrowing Descriptor) throws(SystemError) -> Int? {
    let answer = unsafe bytes.withUnsafeBytes { unsafe clinux_send(socket.rawValue, $0.baseAddress, $0.count) }
    return try checkedUnlessBlocked(answer, "send", "socket \(socket.rawValue)")
  }

  /// recv(2) of at most `limit` bytes: `nil` when none has come and the socket is non-blocking, none at the end. One that was reset is at its end.
  package static func receive(from socket: borrowing Descriptor, limit: Int) throws(SystemError) -> [UInt8]? {
    var answer = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      answer = unsafe clinux_receive(socket.rawValue, buffer.baseAddress, limit)
      count = max(0, answer)
    }
    if answer == -Int(ECONNRESET) { return [] }
    return try checkedUnlessBlocked(answer, "recv", "socket \(socket.rawValue)") == nil ? nil : bytes
  }

  /// Whether this is a TCP socket of IPv4 that is neither connected nor listens. getsockopt(2), getpeername(2).
  package static func isUnconnected(_ socket: borrowing Descriptor) throws(SystemError) -> Bool {
    guard try option(SO_DOMAIN, of: socket) == AF_INET, try option(SO_PROTOCOL, of: socket) == Int32(IPPROTO_TCP),
      try option(SO_ACCEPTCONN, of: socket) == 0
    else { return false }
    var length: socklen_t = 0
    var address = sockaddr()
    return unsafe getpeername(socket.rawValue, &address, &length) < 0 && errno == ENOTCONN
  }

  /// Connects a non-blocking TCP socket to a port of 127.0.0.1, in the network that the socket was made in. connect(2), getsockopt(2).
  ///
  /// On loopback it is decided at once; a connection that a full backlog keeps waiting is no failure, and is established later or never.
  package static func connectToLoopback(_ socket: borrowing Descriptor, port: UInt16) throws(SystemError) {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
    // The pointer is to `address`, which outlives the call, with its size.
    let answer = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe Glibc.connect(socket.rawValue, generic, socklen_t(MemoryLayout<sockaddr_in>.size)) < 0 ? errno : 0
      }
    }
    let failure = answer == EINPROGRESS ? try option(SO_ERROR, of: socket) : answer
    guard failure == 0 else { throw SystemError(call: "connect", object: "127.0.0.1:\(port)", errno: failure) }
  }

  private static func option(_ name: Int32, of socket: borrowing Descriptor) throws(SystemError) -> Int32 {
    var value: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    let answer = unsafe getsockopt(socket.rawValue, SOL_SOCKET, name, &value, &length)
    try checked(answer < 0 ? -errno : answer, "getsockopt", "socket \(socket.rawValue)")
    return value
  }
}
