// sandbox-bench: what making a sandbox costs, beside crun with the same isolation and a bare spawn, in one interleaved run.
//
//   sandbox-bench ROUNDS DIRECTORY [crun]
//
// DIRECTORY is prepared by tools/bench-sandbox: `runtimes/bench/bin/true`, `state/`, `roost-init`, and for crun `bundle/`. Each round
// runs `true` once in each way. Times are in microseconds, from the request until nothing of it is left.

import Glibc

let words = CommandLine.arguments
guard words.count >= 3, let rounds = Int(words[1]), rounds > 0, geteuid() == 0 else {
  print("usage, as root: sandbox-bench ROUNDS DIRECTORY [crun]")
  exit(64)
}
do {
  let client = try Client(directory: words[2], withPeer: words.dropFirst(3).contains("crun"))
  try client.run(rounds: rounds)
  client.printTable()
} catch {
  print("sandbox-bench: \(error)")
  exit(71)
}
