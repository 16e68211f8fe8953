import CLinux
import Glibc

/// Runs `body` on a detached thread of its own that has every signal blocked. pthread_create(3).
package func startThread(named name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
  let work = unsafe Unmanaged.passRetained(ThreadBody(name: name, run: body))
  var thread = pthread_t()
  let error = unsafe pthread_create(
    &thread, nil,
    { argument in
      // The retain above is taken over here, once: pthread_create calls this at most once, and only when it answers 0.
      guard let argument = unsafe argument else { return nil }
      let work = unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
      _ = clinux_block_signals(.max)
      _ = unsafe clinux_name_thread(work.name)
      work.run()
      return nil
    }, unsafe work.toOpaque())
  guard error == 0 else {
    unsafe work.release()
    throw SystemError(call: "pthread_create", object: name, errno: error)
  }
  pthread_detach(thread)
}

private final class ThreadBody: Sendable {
  let name: String
  let run: @Sendable () -> Void

  init(name: String, run: @escaping @Sendable () -> Void) {
    self.name = name
    self.run = run
  }
}
