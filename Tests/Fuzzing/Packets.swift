import CStartPacket
import SpawnProtocol

// roostd, its supervisor and roost-init: a packet has one meaning or none. So what is understood is encoded to the bytes it came from.

enum SpawnRequestTarget: FuzzTarget {
  static let name = "spawn-request"
  static var seeds: [[UInt8]] { Samples.requests.map { $0.encoded() } }

  static func run(_ bytes: [UInt8]) {
    guard let request = try? SpawnRequest(decoding: bytes) else { return }  // Refusing is the usual outcome, here as below.
    must(request.encoded() == bytes)
  }
}

enum SpawnEventTarget: FuzzTarget {
  static let name = "spawn-event"
  static var seeds: [[UInt8]] { Samples.events.map { $0.encoded() } }

  static func run(_ bytes: [UInt8]) {
    guard let event = try? SpawnEvent(decoding: bytes) else { return }
    must(event.encoded() == bytes)
  }
}

enum InitEventTarget: FuzzTarget {
  static let name = "init-event"
  static var seeds: [[UInt8]] { Samples.initEvents.map { $0.encoded() } }

  static func run(_ bytes: [UInt8]) {
    guard let event = try? InitEvent(decoding: bytes) else { return }
    must(event.encoded() == bytes)
  }
}

/// Read twice, by Swift and by roost-init's C: what the one sends, the other takes apart into the very same strings.
enum InitRequestTarget: FuzzTarget {
  static let name = "init-request"
  static let longest = 3 * Int(START_POINTERS_MAX)
  /// With as many strings as roost-init has pointers for, and with one more.
  static var seeds: [[UInt8]] {
    let long = [0, 1].map { more in
      let arguments = ["/a"] + [String](repeating: "", count: Int(START_POINTERS_MAX) - 1 + more)
      return InitRequest.start(ProgramStart(workingDirectory: "/", arguments: arguments, environment: []))
    }
    return (Samples.initRequests + long).compactMap { try? $0.encoded() }  // a refused one would be no seed
  }

  static func run(_ bytes: [UInt8]) {
    let read = readByInit(bytes)
    guard let request = try? InitRequest(decoding: bytes) else { return }
    must((try? request.encoded()) == bytes)
    guard case .start(let start) = request else { return }
    let (arguments, environment) = (start.arguments, start.environment)
    // More strings than it has pointers for are refused there.
    guard arguments.count <= Int(START_POINTERS_MAX), environment.count <= Int(START_POINTERS_MAX) else { return must(read == nil) }
    must(read == [start.workingDirectory] + arguments + environment)
  }

  /// The strings as roost-init has them; nil when it refuses. In memory of the packet's size, so that a byte read or written beyond is noticed.
  private static func readByInit(_ bytes: [UInt8]) -> [String]? {
    guard bytes.count >= MemoryLayout<init_start>.size, bytes.count <= Int(INIT_PACKET_MAX), bytes[0] == UInt8(INIT_START.rawValue) else {
      return nil
    }
    let packet = UnsafeMutableRawPointer.allocate(byteCount: bytes.count + 1, alignment: 8)
    defer { packet.deallocate() }
    bytes.withUnsafeBytes { packet.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    guard start_read(packet, bytes.count) == 0 else { return nil }
    let head = packet.load(as: init_start.self)
    return [String(cString: start_directory())] + strings(start_arguments(), head.argument_count)
      + strings(start_environment(), head.environment_count)
  }

  private static func strings(_ list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, _ count: UInt32) -> [String] {
    must(list[Int(count)] == nil, "execve(2) would go on")
    return (0..<Int(count)).map { String(cString: list[$0]!) }
  }
}
