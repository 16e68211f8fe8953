// Starts roost-supervisor: an ordinary program under its own user, with one socket to us and nothing else of ours.

#include "csandbox_child.h"
#include "csandbox_landlock.h"
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { PLACE_SOCKET = 3, FIRST_FREE = 4 };

// Lifted first: the number that one must get may be held by the other.
static int place(int socket, int output) {
  long lifted_socket = socket < 0 ? -1 : csandbox_call(SYS_fcntl, socket, F_DUPFD_CLOEXEC, FIRST_FREE);
  long lifted_output = output < 0 ? -1 : csandbox_call(SYS_fcntl, output, F_DUPFD_CLOEXEC, FIRST_FREE);
  long done = 0;
  if (socket >= 0) done = lifted_socket < 0 ? lifted_socket : csandbox_call(SYS_dup3, lifted_socket, PLACE_SOCKET, 0);
  if (done >= 0 && output >= 0)
    done = lifted_output < 0 ? lifted_output : csandbox_call(SYS_dup3, lifted_output, STDOUT_FILENO, 0);
  return csandbox_done(done);
}

// With the caller's rights still: the groups (v1; on v2 the child was born in its own), and the rank among the victims of a lack of memory.
static int settle(const struct csandbox_daemon *daemon) {
  for (uint32_t i = 0; i < daemon->tasks_count; i++) {
    long done = csandbox_call(SYS_write, daemon->tasks[i], "0", 1);
    if (done < 0) return (int)done;
  }
  if (!daemon->oom_score) return 0;
  long file = csandbox_call(SYS_openat, AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return (int)file;
  size_t length = 0;
  while (daemon->oom_score[length]) length++;
  // Refused to who has no CAP_SYS_RESOURCE and wants less than it was given: the supervisor can do without.
  csandbox_call(SYS_write, file, daemon->oom_score, length);
  return csandbox_done(csandbox_call(SYS_close, file));
}

// Every set: the bounding set while CAP_SETPCAP is there; the others go with uid 0.
static int change_identity(const struct csandbox_daemon *daemon) {
  long done = 0;
  for (int capability = 0; done >= 0; capability++) done = csandbox_call(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
  // The first number that the kernel does not know.
  if (done != -EINVAL) return (int)done;
  done = csandbox_call(SYS_setgroups, daemon->group_count, daemon->groups);
  if (done >= 0) done = csandbox_call(SYS_setresgid, daemon->group, daemon->group, daemon->group);
  if (done >= 0) done = csandbox_call(SYS_setresuid, daemon->user, daemon->user, daemon->user);
  return csandbox_done(done);
}

// After the identity, since the domain would be in its way; the system call policy last, since it would be in the domain's.
static int confine(const struct csandbox_daemon *daemon, int domain) {
  static const uint64_t no_core[2] = {0, 0};
  long done = csandbox_call(SYS_prlimit64, 0, RLIMIT_CORE, no_core, NULL);
  if (done >= 0) done = csandbox_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (done >= 0 && domain >= 0) done = csandbox_landlock_restrict(domain);
  if (done >= 0 && daemon->filter) done = csandbox_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, daemon->filter);
  return csandbox_done(done);
}

static int become(const struct csandbox_daemon *daemon) {
  // Root's terminal is not the supervisor's: as its controlling one it could be typed into.
  int done = csandbox_done(csandbox_call(SYS_setsid));
  if (done == 0) done = csandbox_reset_signals(~(1ULL << (SIGKILL - 1) | 1ULL << (SIGSTOP - 1)));
  if (done == 0) done = settle(daemon);
  // Out of the way of what `place` puts at 3 and below.
  long domain = done == 0 && daemon->domain >= 0 ? csandbox_call(SYS_fcntl, daemon->domain, F_DUPFD_CLOEXEC, FIRST_FREE) : -1;
  if (daemon->domain >= 0 && domain < 0 && done == 0) done = (int)domain;
  if (done == 0) done = place(daemon->socket, daemon->output);
  // By a mark rather than at once: the pipe that tells of a failed execve is among them.
  if (done == 0) {
    unsigned first = daemon->socket >= 0 ? FIRST_FREE : PLACE_SOCKET;
    done = csandbox_done(csandbox_call(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC));
  }
  if (done == 0) done = change_identity(daemon);
  if (done == 0) done = confine(daemon, (int)domain);
  if (done == 0) done = csandbox_done(csandbox_call(SYS_execve, daemon->path, daemon->arguments, daemon->environment));
  return done;
}

static void __attribute__((noreturn)) run_child(const struct csandbox_daemon *daemon, int outcome) {
  // Out of the way of what `place` puts at 3 and below.
  long told = csandbox_call(SYS_fcntl, outcome, F_DUPFD_CLOEXEC, FIRST_FREE);
  int error = told < 0 ? (int)-told : -become(daemon);
  csandbox_call(SYS_write, told, &error, sizeof error);
  for (;;) csandbox_call(SYS_exit_group, 127);
}

int csandbox_start_daemon(const struct csandbox_daemon *daemon, struct csandbox_child *child) {
  int outcome[2], pidfd = -1, error = 0;
  if (pipe2(outcome, O_CLOEXEC) < 0) return -errno;
  struct clone_args arguments = {.flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD};
  if (daemon->control_group >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = (uint64_t)daemon->control_group;
  }
  uint64_t all = ~0ULL, before = 0;
  csandbox_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
  // As fork does: once in a supervisor's life its price does not matter.
  long process = csandbox_call(SYS_clone3, &arguments, sizeof arguments);
  if (process == 0) run_child(daemon, outcome[1]);
  csandbox_call(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
  close(outcome[1]);
  // Until execve: a moment, once in a supervisor's life.
  if (process < 0) error = (int)-process;
  else while (read(outcome[0], &error, sizeof error) < 0 && errno == EINTR) {}
  close(outcome[0]);
  if (process >= 0) *child = (struct csandbox_child){.process = (pid_t)process, .pidfd = pidfd};
  return -error;
}
