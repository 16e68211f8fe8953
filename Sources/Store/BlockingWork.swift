import Dispatch

/// One thread's worth of work that may wait for the disk, one job after the other, never on the cooperative pool.
///
/// A serial Dispatch queue targets the overcommitting root queue: it gets a thread of its own when it has work, and none when idle.
struct BlockingWork: Sendable {
  private let queue: DispatchQueue

  init(label: String) {
    queue = DispatchQueue(label: label)
  }

  /// Runs `job` after the jobs before it, and returns what it returned.
  func run<Value: Sendable, Failure: Error>(
    _ job: @escaping @Sendable () throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
      queue.async {
        do throws(Failure) {
          continuation.resume(returning: .success(try job()))
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }
}

/// A few threads' worth of work, lent to one user at a time; who finds none free waits in line.
actor Desks {
  private var free: [BlockingWork]
  private var waiting: [CheckedContinuation<BlockingWork, Never>] = []

  init(count: Int) {
    free = (0..<count).map { BlockingWork(label: "roost.artifacts.\($0)") }
  }

  func take() async -> BlockingWork {
    if let desk = free.popLast() { return desk }
    return await withCheckedContinuation { waiting.append($0) }
  }

  func giveBack(_ desk: BlockingWork) {
    if waiting.isEmpty { free.append(desk) } else { waiting.removeFirst().resume(returning: desk) }
  }
}
