// InitRequest and InitEvent as bytes: the layout is at the head of InitMessage.swift, and in roost-init.h for the other side.

private enum RequestKind {
  static let start: UInt8 = 1
  static let signal: UInt8 = 2
  static let socket: UInt8 = 3
}

private enum EventKind {
  static let started: UInt8 = 1
  static let failed: UInt8 = 2
  static let exited: UInt8 = 3
  static let socket: UInt8 = 4
}

/// Signals of Linux; a request with 0 would only ask whether somebody is there.
private let signalRange: ClosedRange<UInt32> = 1...64

extension InitRequest {
  /// The packet.
  ///
  /// - Throws: when a string contains a NUL (which would end it early and begin another), when the program or working directory is not
  ///   an absolute path, when an environment entry has no name, when a descriptor would get a number that it may not have, and when the
  ///   packet would be longer than the limit.
  package func encoded() throws(SpawnProtocolError) -> [UInt8] {
    var writer = ByteWriter()
    switch self {
    case .start(let start): try writer.write(start)
    case .signal(let number, let program):
      guard signalRange.contains(UInt32(bitPattern: number)) else { throw .refused(field: "signal") }
      writer.writeHead(RequestKind.signal, program)
      writer.write(number)
    case .socket: writer.writeHead(RequestKind.socket)
    }
    guard writer.bytes.count <= InitMessage.maximumPacket else { throw .tooLong(writer.bytes.count) }
    return writer.bytes
  }

  package init(decoding bytes: [UInt8]) throws(SpawnProtocolError) {
    var reader = try ByteReader(bytes, limit: InitMessage.maximumPacket)
    switch try reader.read(UInt8.self) {
    case RequestKind.start: self = .start(try reader.readStart())
    case RequestKind.signal:
      let program = try reader.readProgram()
      self = .signal(Int32(try reader.read(in: signalRange, "signal")), program)
    case RequestKind.socket:
      try reader.readPadding(3)
      self = .socket
    case let kind: throw .unknownKind(kind)
    }
    try reader.finish()
  }
}

extension ProgramStart {
  fileprivate func check() throws(SpawnProtocolError) {
    guard workingDirectory.utf8.first == UInt8(ascii: "/") else { throw .refused(field: "working directory") }
    guard arguments.first?.utf8.first == UInt8(ascii: "/") else { throw .refused(field: "program") }
    for entry in environment {
      guard let equals = entry.utf8.firstIndex(of: UInt8(ascii: "=")), equals > entry.utf8.startIndex else {
        throw .refused(field: "environment entry")
      }
    }
    guard descriptors.count <= InitMessage.maximumDescriptors, descriptors.allSatisfy({ $0 == 1 || $0 == 2 || (16..<64).contains($0) })
    else { throw .refused(field: "descriptors") }
  }
}

extension InitEvent {
  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    switch self {
    case .started(let program, let processID):
      writer.writeHead(EventKind.started, program)
      writer.write(processID)
    case .failed(let program, let errno):
      writer.writeHead(EventKind.failed, program)
      writer.write(errno)
    case .exited(let program, .code(let code)):
      writer.writeHead(EventKind.exited, program)
      writer.write(0 as UInt32)
      writer.write(code)
    case .exited(let program, .signal(let number)):
      writer.writeHead(EventKind.exited, program)
      writer.write(1 as UInt32)
      writer.write(number)
    case .socket(let errno):
      writer.writeHead(EventKind.socket)
      writer.write(errno)
    }
    return writer.bytes
  }

  package init(decoding bytes: [UInt8]) throws(SpawnProtocolError) {
    var reader = try ByteReader(bytes, limit: InitMessage.maximumPacket)
    switch try reader.read(UInt8.self) {
    case EventKind.started:
      let program = try reader.readProgram()
      self = .started(program, processID: try reader.read(in: processIDRange, "process id"))
    case EventKind.failed:
      let program = try reader.readProgram()
      self = .failed(program, errno: Int32(try reader.read(in: errnoRange, "errno")))
    case EventKind.exited:
      let program = try reader.readProgram()
      self = .exited(program, try reader.readExit())
    case EventKind.socket:
      try reader.readPadding(3)
      self = .socket(errno: Int32(try reader.read(in: 0...errnoRange.upperBound, "errno")))
    case let kind: throw .unknownKind(kind)
    }
    try reader.finish()
  }
}

extension ByteWriter {
  /// The kind, whose program it is about, and zeros up to the next multiple of four.
  fileprivate mutating func writeHead(_ kind: UInt8, _ program: ProgramNumber = .runtime) {
    write(contentsOf: [kind, program.rawValue, 0, 0])
  }

  fileprivate mutating func write(_ start: ProgramStart) throws(SpawnProtocolError) {
    try start.check()
    write(contentsOf: [RequestKind.start, start.program.rawValue, UInt8(start.descriptors.count), 0])
    write(UInt32(start.arguments.count))
    write(UInt32(start.environment.count))
    write(contentsOf: start.descriptors)
    write(contentsOf: repeatElement(0, count: InitMessage.maximumDescriptors - start.descriptors.count))
    for text in [start.workingDirectory] + start.arguments + start.environment {
      guard !text.utf8.contains(0) else { throw .refused(field: "string with a NUL") }
      write(contentsOf: text.utf8)
      write(0 as UInt8)
    }
  }
}

extension ByteReader {
  fileprivate mutating func readPadding(_ count: Int) throws(SpawnProtocolError) {
    guard try read(count: count).allSatisfy({ $0 == 0 }) else { throw .refused(field: "padding") }
  }

  /// The rest of a head with a program.
  fileprivate mutating func readProgram() throws(SpawnProtocolError) -> ProgramNumber {
    let number = try readNumber()
    try readPadding(2)
    return number
  }

  private mutating func readNumber() throws(SpawnProtocolError) -> ProgramNumber {
    guard let number = ProgramNumber(rawValue: try read()) else { throw .refused(field: "number of a program") }
    return number
  }

  fileprivate mutating func readStart() throws(SpawnProtocolError) -> ProgramStart {
    let program = try readNumber()
    let descriptorCount = Int(try read(UInt8.self))
    try readPadding(1)
    let argumentCount = try read(UInt32.self)
    let environmentCount = try read(UInt32.self)
    guard descriptorCount <= InitMessage.maximumDescriptors else { throw .refused(field: "descriptors") }
    let descriptors = Array(try read(count: descriptorCount))
    try readPadding(InitMessage.maximumDescriptors - descriptorCount)
    let start = ProgramStart(
      program: program, workingDirectory: try readString("working directory"), arguments: try readStrings(argumentCount, "argument"),
      environment: try readStrings(environmentCount, "environment entry"), descriptors: descriptors)
    try start.check()
    return start
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
