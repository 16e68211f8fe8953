// InitRequest and InitEvent as bytes: the layout is at the head of InitMessage.swift, and in roost-init.h for the other side.

private enum RequestKind {
  static let start: UInt8 = 1
  static let signal: UInt8 = 2
}

private enum EventKind {
  static let started: UInt8 = 1
  static let failed: UInt8 = 2
  static let exited: UInt8 = 3
}

/// Signals of Linux; a request with 0 would only ask whether somebody is there.
private let signalRange: ClosedRange<UInt32> = 1...64

extension InitRequest {
  /// The packet.
  ///
  /// - Throws: when a string contains a NUL (which would end it early and begin another), when the program or working directory is not
  ///   an absolute path, when an environment entry has no name, and when the packet would be longer than the limit.
  package func encoded() throws(SpawnProtocolError) -> [UInt8] {
    var writer = ByteWriter()
    switch self {
    case .start(let workingDirectory, let arguments, let environment):
      try Self.check(workingDirectory: workingDirectory, arguments: arguments, environment: environment)
      writer.writeHead(RequestKind.start)
      writer.write(UInt32(arguments.count))
      writer.write(UInt32(environment.count))
      for text in [workingDirectory] + arguments + environment {
        guard !text.utf8.contains(0) else { throw .refused(field: "string with a NUL") }
        writer.write(contentsOf: text.utf8)
        writer.write(0 as UInt8)
      }
    case .signal(let number):
      guard signalRange.contains(UInt32(bitPattern: number)) else { throw .refused(field: "signal") }
      writer.writeHead(RequestKind.signal)
      writer.write(number)
    }
    guard writer.bytes.count <= InitMessage.maximumPacket else { throw .tooLong(writer.bytes.count) }
    return writer.bytes
  }

  package init(decoding bytes: [UInt8]) throws(SpawnProtocolError) {
    var reader = try ByteReader(bytes, limit: InitMessage.maximumPacket)
    switch try reader.readHead() {
    case RequestKind.start: self = try reader.readStart()
    case RequestKind.signal: self = .signal(Int32(try reader.read(in: signalRange, "signal")))
    case let kind: throw .unknownKind(kind)
    }
    try reader.finish()
  }

  fileprivate static func check(
    workingDirectory: String, arguments: [String], environment: [String]
  ) throws(SpawnProtocolError) {
    guard workingDirectory.utf8.first == UInt8(ascii: "/") else { throw .refused(field: "working directory") }
    guard arguments.first?.utf8.first == UInt8(ascii: "/") else { throw .refused(field: "program") }
    for entry in environment {
      guard let equals = entry.utf8.firstIndex(of: UInt8(ascii: "=")), equals > entry.utf8.startIndex else {
        throw .refused(field: "environment entry")
      }
    }
  }
}

extension InitEvent {
  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    switch self {
    case .started(let processID):
      writer.writeHead(EventKind.started)
      writer.write(processID)
    case .failed(let errno):
      writer.writeHead(EventKind.failed)
      writer.write(errno)
    case .exited(.code(let code)):
      writer.writeHead(EventKind.exited)
      writer.write(0 as UInt32)
      writer.write(code)
    case .exited(.signal(let number)):
      writer.writeHead(EventKind.exited)
      writer.write(1 as UInt32)
      writer.write(number)
    }
    return writer.bytes
  }

  package init(decoding bytes: [UInt8]) throws(SpawnProtocolError) {
    var reader = try ByteReader(bytes, limit: InitMessage.maximumPacket)
    switch try reader.readHead() {
    case EventKind.started: self = .started(processID: try reader.read(in: processIDRange, "process id"))
    case EventKind.failed: self = .failed(errno: Int32(try reader.read(in: errnoRange, "errno")))
    case EventKind.exited: self = .exited(try reader.readExit())
    case let kind: throw .unknownKind(kind)
    }
    try reader.finish()
  }
}

extension ByteWriter {
  /// The kind, and zeros up to the next multiple of four.
  fileprivate mutating func writeHead(_ kind: UInt8) {
    write(contentsOf: [kind, 0, 0, 0])
  }
}

extension ByteReader {
  fileprivate mutating func readHead() throws(SpawnProtocolError) -> UInt8 {
    let kind: UInt8 = try read()
    guard try read(count: 3).allSatisfy({ $0 == 0 }) else { throw .refused(field: "padding") }
    return kind
  }

  fileprivate mutating func readStart() throws(SpawnProtocolError) -> InitRequest {
    let argumentCount = try read(UInt32.self)
    let environmentCount = try read(UInt32.self)
    let workingDirectory = try readString("working directory")
    let arguments = try readStrings(argumentCount, "argument")
    let environment = try readStrings(environmentCount, "environment entry")
    try InitRequest.check(workingDirectory: workingDirectory, arguments: arguments, environment: environment)
    return .start(workingDirectory: workingDirectory, arguments: arguments, environment: environment)
  }

  /// However many are announced, the packet's end ends the loop.
  private mutating func readStrings(_ count: UInt32, _ field: String) throws(SpawnProtocolError) -> [String] {
    var strings: [String] = []
    for _ in 0..<count { strings.append(try readString(field)) }
    return strings
  }

  fileprivate mutating func readExit() throws(SpawnProtocolError) -> ExitStatus {
    switch try read(in: 0...(1 as UInt32), "kind of exit") {
    case 0: .code(Int32(try read(in: 0...(255 as UInt32), "exit code")))
    default: .signal(Int32(try read(in: signalRange, "signal")))
    }
  }
}
