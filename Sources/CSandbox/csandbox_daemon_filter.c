// The system call policy of roostd, and so of everything that it starts: a filter cannot be taken off, and each further one only narrows.
//
//   what sandboxes may call   passes: roost-init and the supervisor run under that narrower policy on top of this one, mke2fs under this
//   named in `own`            passes: roostd, or a sandbox's child before its execve, does it with roostd's rights
//   otherwise privileged      EPERM
//   anything else             ENOSYS, and so does another ABI, as in a sandbox
//
// It is no wall around a roostd that has been taken over, which may still mount and make namespaces; it keeps the rest of the kernel (modules,
// kexec, BPF, ptrace, io_uring, keys but a new keyring, odd sockets, the clock, the console) out of reach of such a roostd and of mke2fs.

#include "csandbox_filter.h"
#include <errno.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const own[] = {
  // Sandboxes, born with their namespaces; libraries make their threads with it, too. Flags in memory that no filter can read.
  "clone3",
  // The network, control group and user namespaces, which the child makes when the time has come.
  "unshare",
  // Roots, /tmp volumes, /dev and /proc, made detached; then attached, and the host's root left behind.
  "fsopen", "fsconfig", "fsmount", "move_mount", "open_tree", "mount_setattr", "mount", "pivot_root", "umount2",
  // The names that a sandbox sees.
  "sethostname", "setdomainname",
  // A session keyring of the sandbox's own, by the child.
  "keyctl",
};

// As in a sandbox, and the packet filter's control beside the routing tables'. Above AF_NETLINK: refused whole, as there.
static int add_sockets(scmp_filter_ctx filter) {
  static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
  static const int protocols[] = {NETLINK_ROUTE, NETLINK_NETFILTER};
  int done = 0;
  for (size_t i = 0; i < sizeof families / sizeof *families && done == 0; i++)
    done = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0_64(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
  for (size_t i = 0; i < sizeof protocols / sizeof *protocols && done == 0; i++)
    done = seccomp_rule_add(
      filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_A0_64(SCMP_CMP_EQ, AF_NETLINK),
      SCMP_A2_64(SCMP_CMP_EQ, (scmp_datum_t)protocols[i]));
  if (done == 0) done = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1, SCMP_A0_64(SCMP_CMP_EQ, AF_UNIX));
  return done;
}

static int add_own(scmp_filter_ctx filter) {
  int done = 0;
  for (size_t i = 0; i < sizeof own / sizeof *own && done == 0; i++) {
    int number = seccomp_syscall_resolve_name(own[i]);
    // Negative: not on this architecture, or unknown to this libseccomp.
    if (number >= 0) done = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
  }
  return done;
}

int csandbox_compile_daemon_filter(struct sock_fprog *program) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
  if (!filter) return -ENOMEM;
  int done = csandbox_begin_filter(filter);
  if (done == 0) done = csandbox_add_calls_of_sandboxes(filter);
  if (done == 0) done = add_own(filter);
  if (done == 0) done = add_sockets(filter);
  if (done == 0) done = csandbox_refuse_privileged_calls(filter, own, sizeof own / sizeof *own);
  if (done == 0) done = csandbox_export_filter(filter, NULL, 0, program);
  seccomp_release(filter);
  return done;
}

int csandbox_install_daemon_filter(void) {
  static struct sock_fprog program;
  int done = csandbox_compile_daemon_filter(&program);
  if (done < 0) return done;
  // A positive answer names a thread that could not be reached.
  long answer = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
  return answer < 0 ? -errno : answer > 0 ? -EBUSY : 0;
}
