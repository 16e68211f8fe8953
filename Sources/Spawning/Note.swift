import Glibc
import LinuxSystem
import Synchronization

/// Says something to the administrator, on standard error. Never waits for whoever reads that: a line that finds no room is dropped, and
/// the next one that finds some tells how many were.
func note(_ text: String) {
  noteChannel.withLock { $0.write("roostd: \(text)\n") }
}

private let noteChannel = Mutex(NoteChannel(standardError: STDERR_FILENO))

/// Standard error, without waiting.
///
/// Its open file is others' too (a shell's, the supervisor's), so that `O_NONBLOCK` cannot be set on it. Pipes and terminals are opened once
/// more instead; a socket is told with every write; a regular file makes nobody wait.
struct NoteChannel: ~Copyable {
  /// Written whole or not at all: PIPE_BUF.
  static let longest = 4_096

  private let isSocket: Bool
  private let number: CInt
  /// Of `number`, where it is not standard error's.
  private var own = DescriptorList()
  private var dropped = 0

  init(standardError: CInt) {
    var facts = stat()
    let kind = unsafe fstat(standardError, &facts) == 0 ? facts.st_mode & S_IFMT : 0
    isSocket = kind == S_IFSOCK
    if [S_IFIFO, S_IFCHR].contains(kind),
      // Where it cannot be opened, writing may wait: better than no word at all.
      let opened = try? Descriptor.open("/proc/self/fd/\(standardError)", flags: O_WRONLY | O_NONBLOCK | O_NOCTTY)
    {
      own.append(opened)
    }
    number = own.rawValues.first ?? standardError
  }

  mutating func write(_ line: String) {
    if dropped > 0, put("roostd: \(dropped) lines before this one found no room\n") { dropped = 0 }
    if dropped > 0 || !put(line) { dropped += 1 }
  }

  /// `false` when there is no room. Nobody can be told of another failure.
  private func put(_ line: String) -> Bool {
    let bytes = Array(line.utf8.prefix(Self.longest))
    let answer =
      isSocket
      ? unsafe send(number, bytes, bytes.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
      : unsafe Glibc.write(number, bytes, bytes.count)
    return answer >= 0 || errno != EAGAIN
  }
}
