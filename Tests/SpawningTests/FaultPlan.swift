import Glibc

/// Which part of a sandbox's life the faults are in.
enum FaultPhase: CaseIterable {
  /// From the request to the answer.
  case making
  /// From the request to destroy it until everything is gone.
  case removing
  /// As `making`, for a size of /tmp whose file system has to be made with mke2fs first: what the workshop and its helper do.
  case firstOfItsSize
  /// As `making`, but the child is killed before the call.
  case killing

  func includes(_ call: FaultCall) -> Bool {
    switch self {
    case .making, .removing: true
    case .firstOfItsSize: call.thread == "workshop" || call.thread == "helper"
    case .killing: call.thread == "child"
    }
  }

  /// Calls without which a trace is not of this phase.
  var landmarks: [String] {
    switch self {
    case .making:
      ["clone3", "fsmount", "ioctl:4c0a", "openat2", "mkdirat", "pivot_root", "unshare", "seccomp", "execveat", "sendmsg", "sendto"]
    case .removing: ["pidfd_send_signal", "waitid", "unlinkat"]
    case .firstOfItsSize: ["execve", "pidfd_open", "lseek"]
    case .killing: ["pivot_root", "unshare", "seccomp", "execveat"]
    }
  }
}

/// One kind of call of one thread, and how often it comes in every trace.
struct FaultCall: Hashable, CustomStringConvertible {
  /// `loop`, `workshop`, `child` (until it is roost-init) or `helper` (until it is mke2fs).
  let thread: String
  /// With its operation where it has several, as in `ioctl:4c0a`.
  let name: String
  var count = 1

  var description: String { "\(thread)'s \(name)" }

  /// What this call could well answer, and what nobody takes for something else.
  var error: Int32 {
    switch name {
    case "epoll_wait", "waitid": EINTR
    case "openat", "openat2", "pipe2", "socketpair", "eventfd2", "epoll_create1", "fcntl:1030": EMFILE
    case "clone", "clone3", "vfork": EAGAIN
    case "read", "pread64", "write", "pwrite64", "pwrite64:oom_score_adj", "ioctl:4c0a", "ioctl:4c05": EIO
    case "mkdirat", "ftruncate": ENOSPC
    default: ENOMEM
    }
  }
}

// MARK: Exceptions, each with its reason

extension FaultCall {
  /// Why the call is not made to fail.
  var reasonToLeaveOut: String? {
    switch name {
    case "epoll_ctl:2": "EPOLL_CTL_DEL fails for a wrong descriptor only"
    case "read:eventfd", "write:eventfd": "an event counter of our own that is far from full"
    case "recvfrom" where thread == "loop": "of the watch over the network's policy, which comes when it will; a failure counts as a loss"
    case "rt_sigprocmask" where thread != "child": "fails for wrong arguments only"
    case "prlimit64" where thread == "workshop": "of posix_spawn(3), which asks how large a descriptor's number may be"
    case "rt_sigaction" where thread == "helper": "of posix_spawn(3), which goes over all signals, those too that may not be set"
    default: nil
    }
  }

  /// Why there may be a sandbox all the same.
  func reasonToSucceed(at occurrence: Int) -> String? {
    switch name {
    case "fstatfs" where thread == "loop" && occurrence > 1: "on a slow host the pool is refilled meanwhile, which asks too, and waits"
    case "epoll_wait", "waitid": "tried again"
    case "pwrite64:oom_score_adj": "a sandbox whose rank among the victims of a lack of memory is an ordinary one, as roostd notes"
    default: nil
    }
  }

  /// Why the supervisor may lose its roostd, that is be started again.
  var reasonToEndSupervisor: String? {
    switch (thread, name) {
    case ("loop", "recvmsg"), ("loop", "sendmsg"): "a request or an answer is lost"
    default: nil
    }
  }
}
