// Swift with Foundation and its concurrency (libdispatch's threads), statically linked but for the C library.
import Foundation

final class Block {
  nonisolated(unsafe) static var ended = 0  // blocks are made and end in one thread
  private let bytes = [UInt8](repeating: 1, count: 1 << 20)
  deinit { Self.ended += bytes.reduce(0) { $0 + Int($1) } >> 20 }
}

func inThreads() async -> Int {
  await withTaskGroup(of: Int.self) { group in
    for _ in 0..<4 { group.addTask { (1...1_000_000).reduce(0, +) } }
    return await group.reduce(0, +)
  }
}

func child() throws -> (said: String, status: Int32) {
  let process = Process(), pipe = Pipe()
  process.executableURL = URL(fileURLWithPath: "/bin/sh")
  process.arguments = ["-c", "echo $((6 * 7)); exit 3"]
  process.standardOutput = pipe
  try process.run()
  let said = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return (String(decoding: said, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines), process.terminationStatus)
}

func line(from socket: Int32) -> String {
  var bytes = [UInt8](repeating: 0, count: 4_096), all: [UInt8] = []
  while !all.contains(10), case let count = recv(socket, &bytes, bytes.count, 0), count > 0 { all += bytes[..<count] }
  return String(decoding: all, as: UTF8.self)
}

/// HTTP 1.0, by hand: the server in a thread of its own.
func overLoopback() -> String {
  let stream = Int32(SOCK_STREAM.rawValue), listener = socket(AF_INET, stream, 0), client = socket(AF_INET, stream, 0)
  let request = "GET /7 HTTP/1.0\r\n\r\n"
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = inet_addr("127.0.0.1")
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let answer = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address -> String in
      guard bind(listener, address, length) == 0, listen(listener, 1) == 0, getsockname(listener, address, &length) == 0 else { return "no server" }
      Thread.detachNewThread {
        let connection = accept(listener, nil, nil)
        let path = line(from: connection).split(separator: " ")[1]
        let text = "HTTP/1.0 200 OK\r\n\r\npong \(path)\n"
        send(connection, text, text.utf8.count, 0)
        close(connection)
      }
      guard connect(client, address, length) == 0, send(client, request, request.utf8.count, 0) == request.utf8.count else { return "no client" }
      var text = ""
      while case let more = line(from: client), !more.isEmpty { text += more }
      return text
    }
  }
  close(listener)
  close(client)
  return answer.components(separatedBy: "\r\n\r\n").last?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
}

func inAFile() throws -> Int {
  try Data(count: 1_000_000).write(to: URL(fileURLWithPath: "/tmp/zoo.part"), options: .atomic)
  try FileManager.default.moveItem(atPath: "/tmp/zoo.part", toPath: "/tmp/zoo")
  let size = try FileManager.default.attributesOfItem(atPath: "/tmp/zoo")[.size] as? Int
  try FileManager.default.removeItem(atPath: "/tmp/zoo")
  return size ?? -1
}

func collects() -> Bool {
  for _ in 0..<400 { _ = Block() }
  return Block.ended == 400
}

func primes() -> Int {
  var sieve = [Bool](repeating: true, count: 200_000), count = 0
  for i in 2..<200_000 where sieve[i] {
    count += 1
    for j in stride(from: i * i, to: 200_000, by: i) { sieve[j] = false }
  }
  return count
}

@main struct Zoo {
  static func main() async throws {
    let child = try child()
    let all: [String: Any] = [
      "threads": await inThreads(), "child": child.said, "status": Int(child.status), "http": overLoopback(), "file": try inAFile(),
      "collected": collects(), "primes": primes(), "memory": ProcessInfo.processInfo.physicalMemory,
      "processors": ProcessInfo.processInfo.activeProcessorCount,
    ]
    print(String(decoding: try JSONSerialization.data(withJSONObject: all), as: UTF8.self))
  }
}
