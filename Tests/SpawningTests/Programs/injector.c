// Runs a program whose system calls, and those of its children, each wait for a word from here, so that a test can list them and have one
// of them fail: a seccomp filter answers each with a user notification. The call itself is then not made.
//
// usage: injector SOCKET PROGRAM [ARGUMENT...]
//
// SOCKET is a packet socket of the test's. The first packet tells the program's process id; then each order has one answer:
//
//   trace                                  -> ok         notes every call from now on
//   fail THREAD CALL OCCURRENCE ERRNO      -> ok         has the n-th such call from now on fail
//   kill THREAD CALL OCCURRENCE            -> ok         kills the process that makes it, instead
//   stop                                   -> of a trace a line `THREAD CALL OBJECT` for each call; else `delivered OBJECT` or `missed`
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
// Since 6.6: whoever is notified runs at once, on the processor of the one that waits for it.
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

// Calls that are let through unseen: they cannot fail, or belong to the allocator and to locks, whose failure ends a program at once.
static const int unseen[] = {
  SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_restart_syscall, SYS_futex, SYS_brk, SYS_madvise, SYS_munmap, SYS_getpid, SYS_gettid,
  SYS_getppid, SYS_sched_yield, SYS_umask, SYS_close, SYS_rseq, SYS_set_robust_list,
};

static struct sock_filter load(unsigned offset) {
  return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
}

static struct sock_filter answer(unsigned action) { return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action); }

// The lower half of argument `index` is enough: these are flags.
static unsigned argument(int index) { return (unsigned)(offsetof(struct seccomp_data, args) + (size_t)index * sizeof(uint64_t)); }

static int install_filter(void) {
  struct sock_filter code[64];
  unsigned short length = 0;
  code[length++] = load(offsetof(struct seccomp_data, nr));
  for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++) {
    code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)unseen[i], 0, 1);
    code[length++] = answer(SECCOMP_RET_ALLOW);
  }
  // Of mmap and mprotect only a stack and its guard page.
  code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 4);
  code[length++] = load(argument(3));
  code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_STACK, 1, 0);
  code[length++] = answer(SECCOMP_RET_ALLOW);
  code[length++] = answer(SECCOMP_RET_USER_NOTIF);
  code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3);
  code[length++] = load(argument(2));
  code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROT_NONE, 1, 0);
  code[length++] = answer(SECCOMP_RET_ALLOW);
  code[length++] = answer(SECCOMP_RET_USER_NOTIF);
  struct sock_fprog program = {length, code};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void fail(const char *what) {
  fprintf(stderr, "injector: %s: %s\n", what, strerror(errno));
  exit(71);
}

// Starts the program; returns the other end of its notifications.
static int start(char **words, pid_t *process) {
  // The next number to be given out is that of the listener, in the child.
  int listener = -1, number = dup(0);
  close(number);
  *process = fork();
  if (*process == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Tables, devices and addresses end with it.
    if (unshare(CLONE_NEWNET) < 0) fail("unshare");
    if (install_filter() != number) fail("seccomp");
    execv(words[0], words);
    fail(words[0]);
  }
  int handle = (int)syscall(SYS_pidfd_open, *process, 0);
  // From then on the child can say nothing: its number appears.
  while (listener < 0 && waitpid(*process, NULL, WNOHANG) == 0)
    if ((listener = (int)syscall(SYS_pidfd_getfd, handle, number, 0)) < 0) usleep(200);
  close(handle);
  if (listener < 0) fail("no listener");
  return listener;
}

// Whose calls they are.

static pid_t program;

// By what /proc says when a thread is first seen; from execve on it is another program, whose calls are its own business.
static struct { pid_t id; const char *kind; } threads[4096];

static const char *look_up(pid_t id) {
  char path[64], text[512] = "", name[32] = "";
  int group = 0, parent = 0;
  if (id == program) return "loop";
  snprintf(path, sizeof path, "/proc/%d/status", id);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = file < 0 ? 0 : read(file, text, sizeof text - 1);
  if (file >= 0) close(file);
  if (length <= 0) return "other";
  sscanf(text, "Name:\t%31s", name);
  if (strstr(text, "\nTgid:")) sscanf(strstr(text, "\nTgid:"), "\nTgid:\t%d", &group);
  if (strstr(text, "\nPPid:")) sscanf(strstr(text, "\nPPid:"), "\nPPid:\t%d", &parent);
  // Forgets connections when it will.
  if (group == program) return strcmp(name, "roostd-forget") ? "workshop" : "other";
  if (parent != program) return "other";
  return !strcmp(name, "roostd") ? "child" : !strcmp(name, "watcher") ? "helper" : "other";
}

static const char *thread_kind(pid_t id, int runs_another) {
  size_t place = (size_t)id % (sizeof threads / sizeof *threads);
  if (threads[place].id != id) {
    threads[place].id = id;
    threads[place].kind = look_up(id);
  }
  const char *kind = threads[place].kind;
  if (runs_another && strcmp(kind, "loop")) threads[place].kind = "other";
  return kind;
}

// What they are.

static int is_event_counter(pid_t id, uint64_t number) {
  char path[64], target[64] = "";
  snprintf(path, sizeof path, "/proc/%d/fd/%d", id, (int)number);
  return readlink(path, target, sizeof target - 1) > 0 && !strcmp(target, "anon_inode:[eventfd]");
}

static int is_victims_rank(pid_t id, uint64_t number) {
  char path[64], target[64] = "";
  snprintf(path, sizeof path, "/proc/%d/fd/%d", id, (int)number);
  return readlink(path, target, sizeof target - 1) > 0 && strstr(target, "/oom_score_adj");
}

static void describe(const struct seccomp_notif *call, char *text, size_t size) {
  static char *names[1024];
  int number = call->data.nr;
  const __u64 *a = call->data.args;
  if (number < 0 || number >= 1024) { snprintf(text, size, "%d", number); return; }
  if (!names[number]) names[number] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
  const char *name = names[number] ? names[number] : "unknown";
  switch (number) {
    case SYS_ioctl: snprintf(text, size, "%s:%x", name, (unsigned)a[1]); break;
    case SYS_fcntl: case SYS_epoll_ctl: snprintf(text, size, "%s:%d", name, (int)a[1]); break;
    case SYS_prctl: snprintf(text, size, "%s:%d", name, (int)a[0]); break;
    case SYS_read: case SYS_write:
      snprintf(text, size, "%s%s", name, is_event_counter((pid_t)call->pid, a[0]) ? ":eventfd" : a[0] == 2 ? ":stderr" : "");
      break;
    case SYS_pwrite64: snprintf(text, size, "%s%s", name, is_victims_rank((pid_t)call->pid, a[0]) ? ":oom_score_adj" : ""); break;
    default: snprintf(text, size, "%s", name);
  }
}

// The name that the call was tried on, for people.
static void name_object(const struct seccomp_notif *call, char *text, size_t size) {
  int index = -1;
  switch (call->data.nr) {
    case SYS_openat: case SYS_openat2: case SYS_unlinkat: case SYS_mkdirat: case SYS_mknodat: index = 1; break;
    case SYS_fsconfig: index = 2; break;
    case SYS_move_mount: index = 3; break;
    case SYS_execve: case SYS_fsopen: index = 0; break;
    default: break;
  }
  char path[64], bytes[64] = "";
  snprintf(path, sizeof path, "/proc/%d/mem", (int)call->pid);
  int memory = index < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (memory >= 0) {
    if (pread(memory, bytes, sizeof bytes - 1, (off_t)call->data.args[index]) < 0) bytes[0] = 0;
    close(memory);
  }
  snprintf(text, size, "%.48s", bytes);
}

// What the test has ordered.

static enum { NOTHING, TRACE, FAIL, KILL } order;
static struct { char thread[16], call[64], object[64]; int occurrence, error, seen; } wanted;
static char noted[60000];
static size_t noted_length;

static int obey(const char *text, char *reply, size_t size) {
  snprintf(reply, size, "ok");
  memset(threads, 0, sizeof threads);
  if (!strcmp(text, "trace")) {
    order = TRACE;
    noted[noted_length = 0] = 0;
  } else if (!strncmp(text, "fail ", 5) || !strncmp(text, "kill ", 5)) {
    memset(&wanted, 0, sizeof wanted);
    if (sscanf(text + 5, "%15s %63s %d %d", wanted.thread, wanted.call, &wanted.occurrence, &wanted.error) < 3) return -1;
    order = text[0] == 'f' ? FAIL : KILL;
  } else if (!strcmp(text, "stop")) {
    if (order == TRACE) snprintf(reply, size, "%s", noted);
    else if (wanted.seen < wanted.occurrence) snprintf(reply, size, "missed");
    else snprintf(reply, size, "delivered %s", wanted.object);
    order = NOTHING;
  } else {
    return -1;
  }
  return 0;
}

// The errno that this call fails with; 0: it is made.
static int judge(const struct seccomp_notif *call) {
  char text[96];
  int runs_another = call->data.nr == SYS_execve || call->data.nr == SYS_execveat;
  const char *kind = thread_kind((pid_t)call->pid, runs_another);
  if (order == NOTHING || !strcmp(kind, "other")) return 0;
  describe(call, text, sizeof text);
  if (order == TRACE) {
    char object[64];
    name_object(call, object, sizeof object);
    if (noted_length < sizeof noted)
      noted_length += (size_t)snprintf(noted + noted_length, sizeof noted - noted_length, "%s %s %s\n", kind, text, object);
    return 0;
  }
  if (strcmp(kind, wanted.thread) || strcmp(text, wanted.call) || ++wanted.seen != wanted.occurrence) return 0;
  name_object(call, wanted.object, sizeof wanted.object);
  if (order == KILL) kill((pid_t)call->pid, SIGKILL);
  return order == FAIL ? wanted.error : 0;
}

static void serve_call(int listener, struct seccomp_notif_sizes sizes) {
  char space[sizes.seccomp_notif + sizes.seccomp_notif_resp] __attribute__((aligned(8)));
  memset(space, 0, sizeof space);
  struct seccomp_notif *call = (struct seccomp_notif *)space;
  // ENOENT: its thread was killed meanwhile.
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, call) < 0) return;
  int error = judge(call);
  struct seccomp_notif_resp *reply = (struct seccomp_notif_resp *)(space + sizes.seccomp_notif);
  reply->id = call->id;
  reply->error = -error;
  reply->flags = error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, reply) < 0 && errno != ENOENT) fail("cannot answer");
}

static int connected(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int test = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (connect(test, (struct sockaddr *)&address, sizeof address) < 0) fail(path);
  return test;
}

// Nothing when the test is gone: the program, which dies with its parent, goes too.
static void serve_test(int test) {
  static char text[256], reply[sizeof noted];
  ssize_t length = recv(test, text, sizeof text - 1, 0);
  if (length <= 0) exit(0);
  text[length] = 0;
  if (obey(text, reply, sizeof reply) < 0) exit(64);
  if (send(test, reply, strlen(reply) + 1, MSG_NOSIGNAL) < 0) exit(0);
}

static void pass_on(int number) { kill(program, number); }

int main(int count, char **words) {
  struct seccomp_notif_sizes sizes;
  char text[32];
  if (count < 3) return 64;
  if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0) fail("seccomp");
  int test = connected(words[1]), status = 0;
  signal(SIGTERM, pass_on);
  // Every call waits for two switches of process: on a busy host, not behind everybody else as well.
  setpriority(PRIO_PROCESS, 0, -20);
  struct pollfd places[] = {{.fd = start(words + 2, &program), .events = POLLIN}, {.fd = test, .events = POLLIN}, {.events = POLLIN}};
  if ((places[2].fd = (int)syscall(SYS_pidfd_open, program, 0)) < 0) fail("pidfd_open");
  // An older kernel says no, and is slower.
  ioctl(places[0].fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
  int length = snprintf(text, sizeof text, "%d", program);
  if (send(test, text, (size_t)length, MSG_NOSIGNAL) < 0) fail("test");
  // Until nobody is left whose calls come here.
  while (!(places[0].revents & POLLHUP)) {
    if (poll(places, 3, -1) < 0) continue;
    if (places[0].revents & POLLIN) serve_call(places[0].fd, sizes);
    if (places[1].revents) serve_test(test);
    // Before 6.11 the dead have their filter until they are reaped.
    if (places[2].revents && waitpid(program, &status, 0) == program) places[2].fd = -1;
  }
  if (places[2].fd >= 0) waitpid(program, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
