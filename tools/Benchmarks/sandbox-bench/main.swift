// sandbox-bench: what making a sandbox costs, beside crun with the same isolation and a bare spawn, in one interleaved run.
//
//   sandbox-bench serve DIRECTORY [nat]              roostd's spawner, for the one client that connects to DIRECTORY/socket
//   sandbox-bench run DIRECTORY ROUNDS [crun] [nat]  the client: runs `true` once in each way in each round, and prints a table
//
// Two processes, as roostd and its supervisor are, and so that the client may see other control groups than the server: crun 1.8 refuses a
// host that has v1 and v2 trees. DIRECTORY is prepared by tools/bench-sandbox.

import Glibc

let words = Array(CommandLine.arguments.dropFirst())
do {
  if words.count >= 2, words[0] == "serve" {
    try serve(directory: words[1], withNetwork: words.dropFirst(2).contains("nat"))
  } else if words.count >= 3, words[0] == "run", let rounds = Int(words[2]), rounds > 0 {
    let options = words.dropFirst(3)
    let client = try Client(directory: words[1], withPeer: options.contains("crun"), withNetwork: options.contains("nat"))
    try client.run(rounds: rounds)
    client.printTable()
  } else {
    print("usage: sandbox-bench serve DIRECTORY [nat] | run DIRECTORY ROUNDS [crun] [nat]")
    exit(64)
  }
} catch {
  print("sandbox-bench: \(error)")
  exit(71)
}
