// Spawning: the privileged side. roostd's own work, as a library so that tests can drive it: makes sandboxes from recipes, hands over
// their descriptors, takes them down, keeps `/tmp` volumes ready, and runs the supervisor.
//
//   RoostDaemon         the program: configuration, lock, leftovers, supervisor, signals
//   SupervisorProcess   roost-supervisor under its own user; SupervisorBackOff says when to start it again
//   SupervisorRecord    where the next start finds a supervisor that outlives roostd, and ends it
//   Spawner             requests of the supervisor in, events out (SupervisorLink), one SpawnedSandbox for each sandbox
//   ClosingThread       closes what a supervisor may have made, where nobody waits for it
//   SpawnedSandbox      does what SandboxLifecycle (pure) decides
//   SandboxHost         what all sandboxes share: directories, system call policy, roost-init, the control group tree
//   VolumePool          `/tmp` volumes, made and taken down by threads of their own
//   Leftovers           what an earlier run that was killed has left: removed by every start, and by CleaningRun alone
//
// Everything but the volumes and the forgetting of connections happens on one thread, in one EventLoop. Nothing on it waits for a sandbox.
