#include "Result.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int clinux_pidfd_open(int process) { return (int)result(syscall(SYS_pidfd_open, process, 0)); }

int clinux_pidfd_send_signal(int pidfd, int number) {
  return (int)result(syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0));
}

int clinux_clone3_probe(void) { return (int)result(syscall(SYS_clone3, NULL, 0)); }

void clinux_end_child(int32_t process) {
  kill(process, SIGKILL);
  while (waitpid(process, NULL, __WALL) < 0 && errno == EINTR) {}
}

int clinux_wait_pidfd(int pidfd, int wait, struct clinux_exit *exit) {
  // The raw call, because only it fills in the resource usage. P_PIDFD = 3.
  siginfo_t info = {0};
  struct rusage usage = {0};
  long answer;
  do answer = syscall(SYS_waitid, 3, pidfd, &info, WEXITED | __WALL | (wait ? 0 : WNOHANG), &usage);
  while (answer < 0 && errno == EINTR);
  if (answer < 0) return -errno;
  if (info.si_pid == 0) return 0;
  *exit = (struct clinux_exit){
    .code = info.si_code, .status = info.si_status,
    .user_microseconds = (uint64_t)usage.ru_utime.tv_sec * 1000000 + (uint64_t)usage.ru_utime.tv_usec,
    .system_microseconds = (uint64_t)usage.ru_stime.tv_sec * 1000000 + (uint64_t)usage.ru_stime.tv_usec,
  };
  return 1;
}

int clinux_spawn(
  const char *path, char *const arguments[], char *const environment[], int input, int output, int inherited
) {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  int error = posix_spawnattr_init(&attributes);
  if (error) return -error;
  error = posix_spawn_file_actions_init(&actions);
  if (error) goto without_actions;

  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  error = posix_spawnattr_setsigmask(&attributes, &none);
  if (!error) error = posix_spawnattr_setsigdefault(&attributes, &all);
  if (!error) error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (!error && input < 0) error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (!error && input >= 0) error = posix_spawn_file_actions_adddup2(&actions, input, 0);
  if (!error && output >= 0) error = posix_spawn_file_actions_adddup2(&actions, output, 1);
  if (!error && output >= 0) error = posix_spawn_file_actions_adddup2(&actions, output, 2);
  // Last, since 3 may be the number of another of them; and of itself, when it is, it only loses its mark.
  if (!error && inherited >= 0) error = posix_spawn_file_actions_adddup2(&actions, inherited, 3);
  pid_t child = 0;
  if (!error) error = posix_spawn(&child, path, &actions, &attributes, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
without_actions:
  posix_spawnattr_destroy(&attributes);
  return error ? -error : child;
}

int clinux_name_thread(const char *name) { return (int)result(prctl(PR_SET_NAME, name, 0, 0, 0)); }

int clinux_user(const char *name, uint32_t *user, uint32_t *group) {
  struct passwd entry, *found = NULL;
  for (size_t size = 1024;; size *= 4) {
    char *buffer = malloc(size);
    if (!buffer) return -ENOMEM;
    int error = getpwnam_r(name, &entry, buffer, size, &found);
    if (found) {
      *user = entry.pw_uid;
      *group = entry.pw_gid;
    }
    free(buffer);
    if (error == ERANGE && size < 1 << 20) continue;
    // The C library answers these for "no such user", depending on the source it asked (getpwnam_r(3), ERRORS).
    if (error == ENOENT || error == ESRCH || error == EBADF || error == EPERM) return 0;
    return error ? -error : found != NULL;
  }
}

const char *clinux_error_name(int error) { return strerrorname_np(error); }

const char *clinux_error_text(int error) { return strerrordesc_np(error); }
