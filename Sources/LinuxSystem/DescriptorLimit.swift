import Glibc

/// How many descriptors this process, and what it starts, may have. getrlimit(2) and setrlimit(2), `RLIMIT_NOFILE`.
package enum DescriptorLimit {
  private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

  /// The soft limit; what every process has at least where it cannot be asked.
  package static var current: Int {
    var limit = rlimit()
    guard unsafe getrlimit(resource, &limit) == 0 else { return 1_024 }
    return Int(clamping: limit.rlim_cur)
  }

  /// The soft limit becomes the hard one, and both `wanted` where that is more and we may raise it (CAP_SYS_RESOURCE).
  package static func raise(to wanted: Int) {
    var limit = rlimit()
    guard unsafe getrlimit(resource, &limit) == 0 else { return }
    let most = max(limit.rlim_max, rlim_t(wanted))
    var raised = rlimit(rlim_cur: most, rlim_max: most)
    if unsafe setrlimit(resource, &raised) == 0 { return }
    limit.rlim_cur = limit.rlim_max
    // Refused nowhere: the hard limit stays. Were it, there would only be fewer environments.
    _ = unsafe setrlimit(resource, &limit)
  }
}
