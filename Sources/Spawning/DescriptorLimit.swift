import Glibc

/// How many descriptors roostd may have, and what it starts: every sandbox takes some of both daemons for as long as it lives.
///
/// The soft limit becomes the hard one, and the hard one what a large host wants, where roostd may raise it (CAP_SYS_RESOURCE): each
/// function's code may have dozens of connections to its Runtime API. A sandbox gets a limit of its own before its first program.
func raiseDescriptorLimit() {
  var limit = rlimit()
  guard unsafe getrlimit(descriptors, &limit) == 0 else { return }
  var raised = rlimit(rlim_cur: max(limit.rlim_max, wanted), rlim_max: max(limit.rlim_max, wanted))
  if unsafe setrlimit(descriptors, &raised) == 0 { return }
  limit.rlim_cur = limit.rlim_max
  // Refused nowhere: the hard limit stays. Were it, there would only be fewer environments.
  _ = unsafe setrlimit(descriptors, &limit)
}

private let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

/// The kernel's usual ceiling for it (`fs.nr_open` is 1,048,576), by half.
private let wanted: rlim_t = 524_288
