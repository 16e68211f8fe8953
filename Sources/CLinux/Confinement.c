// What an auditor asks the kernel about another process's confinement.
#include "Result.h"

#include <linux/landlock.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int clinux_landlock_abi(void) {
  return (int)result(syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

int clinux_socket_family_probe(int family, int type) {
  int socket_made = (int)result(socket(family, type | SOCK_CLOEXEC, 0));
  if (socket_made < 0) return socket_made;
  close(socket_made);
  return 0;
}

// A frozen task of a v2 group stops, too; one of a v1 group does not before it is thawed, so that the wait has an end.
static int await_stop(int process, int *status) {
  const struct timespec pause = {.tv_nsec = 1000000};
  for (int attempts = 0; attempts < 2000; attempts++) {
    int done = waitpid(process, status, __WALL | WNOHANG);
    if (done < 0 && errno != EINTR) return -errno;
    if (done == process) return WIFSTOPPED(*status) ? 0 : -ESRCH;
    nanosleep(&pause, NULL);
  }
  return -ETIMEDOUT;
}

// Attached by PTRACE_SEIZE, the process notices nothing but the time; should we die meanwhile, the kernel lets it go.
ssize_t clinux_seccomp_filter(int process, unsigned index, void *program, size_t capacity) {
  if (ptrace(PTRACE_SEIZE, process, NULL, NULL) < 0) return -errno;
  int status = 0;
  long answer = result(ptrace(PTRACE_INTERRUPT, process, NULL, NULL));
  if (answer == 0) answer = await_stop(process, &status);
  if (answer == 0) answer = result(ptrace(PTRACE_SECCOMP_GET_FILTER, process, (void *)(uintptr_t)index, NULL));
  if (answer > 0 && (size_t)answer > capacity) answer = -E2BIG;
  if (answer > 0) answer = result(ptrace(PTRACE_SECCOMP_GET_FILTER, process, (void *)(uintptr_t)index, program));
  // A signal that happened to stop it instead of our request is handed on.
  int signal = WIFSTOPPED(status) && status >> 16 == 0 ? WSTOPSIG(status) : 0;
  ptrace(PTRACE_DETACH, process, NULL, (void *)(intptr_t)signal);
  return answer;
}
