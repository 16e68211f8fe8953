import Glibc

/// Sandboxes take descriptors of roostd while they are made, volumes and pidfds for as long as they live.
func raiseDescriptorLimit() {
  var limit = rlimit()
  guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
  limit.rlim_cur = limit.rlim_max
  // Refused nowhere: the hard limit stays. Were it, roostd would only reach its limit sooner.
  _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
