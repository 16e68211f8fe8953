// roost-init: PID 1 of every sandbox. Starts one program when it is told to, reaps whatever ends, passes signals on, says how the
// program ended, and ends itself (and the kernel with it the sandbox) when nobody holds the other end of the control socket.
//
// It shares its uid with the tenant. So it is not dumpable, which keeps its memory, descriptors and /proc entry out of reach; it keeps
// default signal dispositions, which for PID 1 means that no process of the sandbox can signal it; and it opens everything before the
// program runs, so that lowered limits or a full process table cannot hurt it later. It waits in poll(2) and nowhere else.

#include "roost-init.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POINTERS_MAX = 4096 };

enum { CONTROL, CHILDREN, WATCHED };

static struct {
  pid_t program;  // 0: not started yet
  int ended;
} sandbox;

static union {
  struct init_start start;
  struct init_signal signal;
  uint8_t kind;
  char bytes[INIT_PACKET_MAX + 1];
} packet;

static char *arguments[POINTERS_MAX + 1], *environment[POINTERS_MAX + 1];

static void report(uint8_t kind, uint32_t detail, uint32_t value) {
  const struct init_report event = {.kind = kind, .detail = detail, .value = value};
  size_t length = kind == INIT_EXITED ? sizeof event : offsetof(struct init_report, value);
  // Three reports in a life always fit the socket; if not even that holds, nobody can be told anything.
  if (send(INIT_CONTROL, &event, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) _exit(1);
}

// Takes the next NUL-terminated string of the packet, which `end` is known to close.
static char *next(char **at, const char *end) {
  char *text = *at;
  if (text >= end) return NULL;
  *at += strlen(text) + 1;
  return text;
}

static int take(char **list, uint32_t count, char **at, const char *end) {
  if (count > POINTERS_MAX) return -1;
  for (uint32_t i = 0; i < count; i++)
    if (!(list[i] = next(at, end))) return -1;
  list[count] = NULL;
  return 0;
}

// The child of vfork, in our memory until execve: it must leave it as it was. Nothing between here and execve can wait for the tenant:
// a program can only be a regular file of the image, the code or /tmp.
static void __attribute__((noreturn)) become(const char *directory, volatile int *reason) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  setpgid(0, 0);
  if (chdir(directory) == 0) execve(arguments[0], arguments, environment);
  *reason = errno;
  _exit(127);
}

// The runtime's pipes must reach end of file with its last process, so they cannot stay open here.
static void close_standard_descriptors(void) {
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++) close(number);
}

static int read_start(char **directory, size_t length) {
  char *at = packet.bytes + sizeof packet.start;
  const char *end = packet.bytes + length;
  packet.bytes[length] = 0;
  *directory = next(&at, end);
  if (sandbox.program || !*directory || packet.start.argument_count == 0) return -1;
  if (take(arguments, packet.start.argument_count, &at, end)) return -1;
  return take(environment, packet.start.environment_count, &at, end);
}

// vfork, not fork: nothing is copied, and when it returns execve has happened or its error is known.
static void start(size_t length) {
  char *directory;
  volatile int reason = 0;
  if (read_start(&directory, length) < 0) {
    report(INIT_FAILED, EINVAL, 0);
    return;
  }
  pid_t program = vfork();
  if (program == 0) become(directory, &reason);
  if (program < 0) reason = errno;
  close_standard_descriptors();
  sandbox.program = program;
  sandbox.ended = reason != 0;
  if (reason) report(INIT_FAILED, (uint32_t)reason, 0);
  else report(INIT_STARTED, (uint32_t)program, 0);
}

static void reap(int ends) {
  struct signalfd_siginfo notice;
  ssize_t ignored = read(ends, &notice, sizeof notice);
  (void)ignored;
  int status;
  for (pid_t process; (process = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (process != sandbox.program || sandbox.ended) continue;
    sandbox.ended = 1;
    if (WIFSIGNALED(status)) report(INIT_EXITED, 1, (uint32_t)WTERMSIG(status));
    else report(INIT_EXITED, 0, (uint32_t)WEXITSTATUS(status));
  }
}

static void obey(void) {
  ssize_t got = recv(INIT_CONTROL, packet.bytes, INIT_PACKET_MAX, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) _exit(0);
  if (packet.kind == INIT_START && got >= (ssize_t)sizeof packet.start) start((size_t)got);
  if (packet.kind == INIT_SIGNAL && got == sizeof packet.signal && sandbox.program > 0)
    kill(-sandbox.program, (int)packet.signal.number);
}

int main(void) {
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  // Dead with roostd even when somebody else still holds the socket. Set here because credential changes clear it.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NAME, "roost-init") < 0) return 1;
  if (fcntl(INIT_CONTROL, F_SETFD, FD_CLOEXEC) < 0 || sigprocmask(SIG_BLOCK, &children, NULL) < 0) return 1;
  int ends = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  if (ends < 0) return 1;
  struct pollfd watched[WATCHED] = {
    [CONTROL] = {.fd = INIT_CONTROL, .events = POLLIN}, [CHILDREN] = {.fd = ends, .events = POLLIN},
  };
  for (;;) {
    if (poll(watched, WATCHED, -1) < 0 && errno != EINTR) return 1;
    if (watched[CHILDREN].revents) reap(ends);
    if (watched[CONTROL].revents) obey();
  }
}
