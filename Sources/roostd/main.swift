// roostd: Roost's privileged parent. All of it is in Spawning.

import Glibc
import Spawning

exit(RoostDaemon.main(arguments: Array(CommandLine.arguments.dropFirst())))
