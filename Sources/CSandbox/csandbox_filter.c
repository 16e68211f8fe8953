// The system call policy of every sandbox: what is not named here does not exist.
//
//   named in `allowed`      passes
//   named in `harmless`     succeeds without having happened
//   named in `privileged`   EPERM: known to need rights that no sandbox has, or to reach kernel code that no function needs
//   anything else           ENOSYS, so that C libraries take their fallback, and calls of future kernels stay closed
//   another ABI (i386, x32) ENOSYS: its numbers mean other calls
//
// Compiled once by libseccomp as a binary tree. Verdicts that depend on the number alone are cached by the kernel; only socket,
// socketpair, clone, personality and what the preamble names are looked at on every call.

#include "csandbox_filter.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/btrfs.h>
#include <linux/ioprio.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// Names that an architecture lacks are passed over: arm64 has no open, x86-64 no 32-bit variants.
static const char *const allowed[] = {
  // Files. The kernel's own checks decide: all but /tmp is read-only, and there is no privilege to lend.
  "access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3", "faccessat",
  "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat", "fcntl", "fdatasync",
  "fgetxattr", "flistxattr", "flock", "fremovexattr", "fsetxattr", "fstat", "fstatfs", "fsync", "ftruncate", "futimesat", "getcwd",
  "getdents", "getdents64", "getxattr", "lchown", "lgetxattr", "link", "linkat", "listxattr", "llistxattr", "lremovexattr",
  "lseek", "lsetxattr", "lstat", "mkdir", "mkdirat", "newfstatat", "open", "openat", "openat2", "pread64",
  "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv", "removexattr",
  "rename", "renameat", "renameat2", "rmdir", "sendfile", "setxattr", "splice", "stat", "statfs", "statx", "symlink", "symlinkat",
  "sync_file_range", "syncfs", "tee", "truncate", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimes", "write",
  "writev",
  "mknod", "mknodat",      // FIFOs and sockets; device nodes need CAP_MKNOD

  // Waiting.
  "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2",
  "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch", "poll", "ppoll", "pselect6", "select", "signalfd",
  "signalfd4", "timerfd_create", "timerfd_gettime", "timerfd_settime",

  // Memory.
  "brk", "get_mempolicy",  // .NET asks for the policy at its start
  "madvise", "map_shadow_stack", "membarrier", "memfd_create", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mprotect", "mremap",
  "mseal", "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect", "process_madvise",
  "process_mrelease", "remap_file_pages",
  "set_mempolicy", "mbind",  // the JVM and .NET on NUMA machines; a group of one node ignores them

  // Processes and threads. clone is checked below.
  "arch_prctl", "execve", "execveat", "exit", "exit_group", "fork", "futex", "futex_requeue", "futex_wait", "futex_waitv",
  "futex_wake", "get_robust_list", "get_thread_area", "getcpu", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getrlimit",
  "getrusage", "getsid", "gettid", "ioprio_get", "ioprio_set", "kill", "pause", "pidfd_open", "pidfd_send_signal", "prctl",
  "prlimit64", "restart_syscall", "rseq", "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr",
  "sched_getparam", "sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity", "sched_setattr", "sched_setparam",
  "sched_setscheduler", "sched_yield", "set_robust_list", "set_thread_area", "set_tid_address", "setpgid", "setpriority", "setrlimit",
  "setsid", "tgkill", "tkill", "vfork", "wait4", "waitid",
  "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "seccomp",  // may only take rights away

  // Signals.
  "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
  "rt_tgsigqueueinfo", "sigaltstack",

  // Identity: questions, and changes that a one-line id map leaves without effect.
  "capget", "capset", "getegid", "geteuid", "getgid", "getgroups", "getresgid", "getresuid", "getuid", "setfsgid", "setfsuid", "setgid",
  "setgroups", "setregid", "setresgid", "setresuid", "setreuid", "setuid",

  // Time.
  "alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "gettimeofday", "nanosleep", "setitimer", "time",
  "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime", "times",

  // Sockets. socket and socketpair are checked below.
  "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom", "recvmmsg", "recvmsg",
  "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown", "pipe", "pipe2",

  // IPC objects of the sandbox's own namespace, limited by its memory group and rlimits.
  "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd",
  "semctl", "semget", "semop", "semtimedop", "shmat", "shmctl", "shmdt", "shmget",

  // The host, as far as it is shown.
  "getrandom", "ioctl" /* checked in the preamble */, "sysinfo", "uname",
};

// EPERM rather than ENOSYS, so that strace and error messages name the reason.
static const char *const privileged[] = {
  // Mounts and roots.
  "chroot", "fsconfig", "fsmount", "fsopen", "fspick", "listmount", "mount", "mount_setattr", "move_mount", "open_tree",
  "open_tree_attr", "pivot_root", "quotactl", "quotactl_fd", "statmount", "swapoff", "swapon", "umount", "umount2",
  // Namespaces, other than by clone.
  "setns", "unshare",
  // Other processes: same uid is not leave enough.
  "kcmp", "migrate_pages", "move_pages", "pidfd_getfd", "process_vm_readv", "process_vm_writev", "ptrace",
  // Kernel code with a long history of holes and little use for a function.
  "add_key", "bpf", "fanotify_init", "fanotify_mark", "keyctl", "lookup_dcookie", "memfd_secret", "modify_ldt", "perf_event_open",
  "request_key", "userfaultfd", "vmsplice",
  // Handles pass by all mount points.
  "name_to_handle_at", "open_by_handle_at",
  // The machine.
  "acct", "adjtimex", "clock_adjtime", "clock_settime", "create_module", "delete_module", "finit_module", "get_kernel_syms",
  "init_module", "ioperm", "iopl", "kexec_file_load", "kexec_load", "nfsservctl", "query_module", "reboot", "setdomainname",
  "sethostname", "settimeofday", "stime", "syslog", "uselib", "ustat", "vhangup", "vm86", "_sysctl",
};
// It would wait for the disks of the whole host, and make all others wait for them; /tmp has fsync and syncfs.
static const char *const harmless[] = {"sync"};
// Left out of all, hence ENOSYS: cachestat (before 6.14 it tells which files of the host are in use, by whom they may be), clone3 (its flags are in memory that a filter cannot read; libraries fall back to clone), io_uring_*
// (a second way to most calls, past this filter), io_setup and its like (one pool of requests for the whole host).

static int allow(scmp_filter_ctx filter, const char *name, unsigned count, struct scmp_arg_cmp first, struct scmp_arg_cmp second) {
  return seccomp_rule_add(filter, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(name), count, first, second);
}

static int refuse(
  scmp_filter_ctx filter, int error, const char *name, unsigned count, struct scmp_arg_cmp first, struct scmp_arg_cmp second
) {
  return seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint16_t)error), seccomp_syscall_resolve_name(name), count, first, second);
}

static int add_names(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int number = seccomp_syscall_resolve_name(names[i]);
    // Negative: this architecture, or this libseccomp, does not know it.
    if (number < 0) continue;
    int done = seccomp_rule_add(filter, action, number, 0);
    if (done < 0 && done != -EEXIST) return done;
  }
  return 0;
}

// By allow-list: odd families are where kernel holes are found. A filter compares 64 bits where the kernel takes 32: what is above the
// known numbers is refused whole, so nothing is smuggled in the upper half.
static int add_socket(scmp_filter_ctx filter) {
  const struct scmp_arg_cmp none = {0};
  int done = 0;
  for (unsigned family = 0; family <= AF_NETLINK && done == 0; family++) {
    if (family == AF_UNIX || family == AF_INET || family == AF_INET6)
      done = allow(filter, "socket", 1, SCMP_A0_64(SCMP_CMP_EQ, family), none);
    else if (family != AF_NETLINK)
      done = refuse(filter, EAFNOSUPPORT, "socket", 1, SCMP_A0_64(SCMP_CMP_EQ, family), none);
  }
  const struct scmp_arg_cmp netlink = SCMP_A0_64(SCMP_CMP_EQ, AF_NETLINK);
  if (done == 0) done = allow(filter, "socket", 2, netlink, SCMP_A2_64(SCMP_CMP_EQ, NETLINK_ROUTE));
  if (done == 0) done = refuse(filter, EAFNOSUPPORT, "socket", 2, netlink, SCMP_A2_64(SCMP_CMP_NE, NETLINK_ROUTE));
  if (done == 0) done = refuse(filter, EAFNOSUPPORT, "socket", 1, SCMP_A0_64(SCMP_CMP_GT, AF_NETLINK), none);
  if (done == 0) done = allow(filter, "socketpair", 1, SCMP_A0_64(SCMP_CMP_EQ, AF_UNIX), none);
  return done == 0 ? refuse(filter, EAFNOSUPPORT, "socketpair", 1, SCMP_A0_64(SCMP_CMP_NE, AF_UNIX), none) : done;
}

// Processes and threads, but no namespaces.
static int add_clone(scmp_filter_ctx filter) {
  static const uint64_t namespaces[] = {
    CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET,
  };
  const struct scmp_arg_cmp none = {0};
  uint64_t all = 0;
  int done = 0;
  for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces && done == 0; i++) {
    all |= namespaces[i];
    done = refuse(filter, EPERM, "clone", 1, SCMP_A0_64(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]), none);
  }
  return done == 0 ? allow(filter, "clone", 1, SCMP_A0_64(SCMP_CMP_MASKED_EQ, all, 0), none) : done;
}

// Linux, 32-bit Linux, and the question; not READ_IMPLIES_EXEC or ADDR_NO_RANDOMIZE, which weaken the program's own defences.
static int add_personality(scmp_filter_ctx filter) {
  static const uint64_t personalities[] = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};
  const struct scmp_arg_cmp none = {0};
  int done = 0;
  for (size_t i = 0; i < sizeof personalities / sizeof *personalities && done == 0; i++)
    done = allow(filter, "personality", 1, SCMP_A0_64(SCMP_CMP_EQ, personalities[i]), none);
  return done;
}

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#else
#error "the policy has not been looked at for this architecture"
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_UPPER(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field) + 4)
#define WHEN(value, skip, else_skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, skip, else_skip)
#define WHEN_ANY(bits, skip, else_skip) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, skip, else_skip)
#define ANSWER(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))

// Put before libseccomp's program, because its rules cannot say "any value but these, of the lower 32 bits", which are all that the kernel
// takes of an int. Both architectures are little-endian: the lower half is at args[n]. A block whose system call it is not is left at its
// second line; none gives leave, so that what passes all is still libseccomp's to judge.
static const struct sock_filter preamble[] = {
  LOAD(arch), WHEN(NATIVE, 1, 0), ANSWER(ENOSYS),

  // No typing into a terminal on somebody else's behalf.
  // The last four make subvolumes and snapshots, which no privilege is needed for and the size limit of /tmp would not count.
  LOAD(nr), WHEN(SYS_ioctl, 0, 8),
  LOAD(args[1]), WHEN(TIOCSTI, 5, 0), WHEN(TIOCLINUX, 4, 0),
  WHEN(BTRFS_IOC_SUBVOL_CREATE, 3, 0), WHEN(BTRFS_IOC_SUBVOL_CREATE_V2, 2, 0), WHEN(BTRFS_IOC_SNAP_CREATE, 1, 0),
  WHEN(BTRFS_IOC_SNAP_CREATE_V2, 0, 1), ANSWER(EPERM),

  // PID 1 has the tenant's uid, and its limits and priorities are not his. First where argument 0 names the process, then argument 1.
  LOAD(nr), WHEN(SYS_prlimit64, 4, 0), WHEN(SYS_sched_setaffinity, 3, 0), WHEN(SYS_sched_setattr, 2, 0),
  WHEN(SYS_sched_setparam, 1, 0), WHEN(SYS_sched_setscheduler, 0, 3),
  LOAD(args[0]), WHEN(1, 0, 1), ANSWER(EPERM),
  LOAD(nr), WHEN(SYS_setpriority, 1, 0), WHEN(SYS_ioprio_set, 0, 3),
  LOAD(args[1]), WHEN(1, 0, 1), ANSWER(EPERM),
  // Nor by "all of this user". (Its process group is its own: roost-init sees to that.)
  LOAD(nr), WHEN(SYS_setpriority, 0, 3), LOAD(args[0]), WHEN(PRIO_USER, 0, 1), ANSWER(EPERM),
  LOAD(nr), WHEN(SYS_ioprio_set, 0, 3), LOAD(args[0]), WHEN(IOPRIO_WHO_USER, 0, 1), ANSWER(EPERM),

  // The limit of core dumps stays where it is; who lowers it is told that it is done. (A question has no new limit: argument 2 is NULL.)
  LOAD(nr), WHEN(SYS_setrlimit, 0, 3), LOAD(args[0]), WHEN(RLIMIT_CORE, 0, 1), ANSWER(0),
  LOAD(nr), WHEN(SYS_prlimit64, 0, 7), LOAD(args[1]), WHEN(RLIMIT_CORE, 0, 5),
  LOAD(args[2]), WHEN(0, 0, 2), LOAD_UPPER(args[2]), WHEN(0, 1, 0), ANSWER(0),

  // Huge pages of the host's reserve, which no memory limit counts: as if there were none.
  LOAD(nr), WHEN(SYS_mmap, 0, 3), LOAD(args[3]), WHEN_ANY(MAP_HUGETLB, 0, 1), ANSWER(ENOMEM),
  LOAD(nr), WHEN(SYS_shmget, 0, 3), LOAD(args[2]), WHEN_ANY(SHM_HUGETLB, 0, 1), ANSWER(ENOMEM),
  LOAD(nr), WHEN(SYS_memfd_create, 0, 3), LOAD(args[1]), WHEN_ANY(MFD_HUGETLB, 0, 1), ANSWER(ENOMEM),

  // No protocol but the everyday ones: MPTCP, SCTP, SMC and the like are as odd as odd families. 1 is also PF_UNIX, 0 NETLINK_ROUTE.
  LOAD(nr), WHEN(SYS_socket, 0, 7),
  LOAD(args[2]), WHEN(0, 5, 0), WHEN(IPPROTO_ICMP, 4, 0), WHEN(IPPROTO_TCP, 3, 0), WHEN(IPPROTO_UDP, 2, 0), WHEN(IPPROTO_ICMPV6, 1, 0),
  ANSWER(EPROTONOSUPPORT),

  // No protocols on top of TCP (kernel TLS …), as on a kernel without them. They would also be loaded as modules. No IPsec within UDP.
  LOAD(nr), WHEN(SYS_setsockopt, 0, 9), LOAD(args[1]),
  WHEN(IPPROTO_TCP, 0, 3), LOAD(args[2]), WHEN(TCP_ULP, 0, 5), ANSWER(ENOENT),
  WHEN(IPPROTO_UDP, 0, 3), LOAD(args[2]), WHEN(UDP_ENCAP, 0, 1), ANSWER(ENOPROTOOPT),
};

static int build(scmp_filter_ctx filter) {
  int done = csandbox_begin_filter(filter);
  if (done == 0) done = add_names(filter, SCMP_ACT_ERRNO(0), harmless, sizeof harmless / sizeof *harmless);
  if (done == 0) done = add_names(filter, SCMP_ACT_ERRNO(EPERM), privileged, sizeof privileged / sizeof *privileged);
  if (done == 0) done = csandbox_add_calls_of_sandboxes(filter);
  return done == 0 ? add_socket(filter) : done;
}

int csandbox_begin_filter(void *filter) {
  int done = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  // Not the default kill: killed processes fill the host's kernel log.
  return done == 0 ? seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)) : done;
}

int csandbox_add_calls_of_sandboxes(void *filter) {
  int done = add_names(filter, SCMP_ACT_ALLOW, allowed, sizeof allowed / sizeof *allowed);
  if (done == 0) done = add_clone(filter);
  return done == 0 ? add_personality(filter) : done;
}

int csandbox_refuse_privileged_calls(void *filter, const char *const *but, size_t count) {
  int done = 0;
  for (size_t i = 0; i < sizeof privileged / sizeof *privileged && done == 0; i++) {
    size_t other = 0;
    while (other < count && strcmp(privileged[i], but[other])) other++;
    if (other == count) done = add_names(filter, SCMP_ACT_ERRNO(EPERM), &privileged[i], 1);
  }
  return done;
}

// libseccomp 2.5 exports to a descriptor only.
int csandbox_export_filter(void *filter, const struct sock_filter *before, size_t before_count, struct sock_fprog *program) {
  int file = memfd_create("policy", MFD_CLOEXEC);
  if (file < 0) return -errno;
  int done = seccomp_export_bpf(filter, file);
  off_t size = lseek(file, 0, SEEK_END);
  size_t count = before_count + (size_t)size / sizeof *before;
  struct sock_filter *code = done == 0 && count <= BPF_MAXINSNS ? malloc(count * sizeof *code) : NULL;
  if (done == 0 && !code) done = -ENOMEM;
  if (done == 0 && pread(file, code + before_count, (size_t)size, 0) != size) done = -EIO;
  close(file);
  if (done < 0) {
    free(code);
    return done;
  }
  if (before_count) memcpy(code, before, before_count * sizeof *code);
  *program = (struct sock_fprog){.len = (unsigned short)count, .filter = code};
  return 0;
}

int csandbox_compile_filter(struct sock_fprog *program) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
  if (!filter) return -ENOMEM;
  int done = build(filter);
  if (done == 0) done = csandbox_export_filter(filter, preamble, sizeof preamble / sizeof *preamble, program);
  seccomp_release(filter);
  return done;
}
