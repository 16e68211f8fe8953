// roost-init: PID 1 of every sandbox. Starts the extensions and then the runtime when it is told to, reaps whatever ends, passes signals
// on, says how each program ended, makes sockets in the sandbox's network for who may not enter it, and ends itself (and the kernel with
// it the sandbox) when nobody holds the other end of the control socket.
//
// It shares its uid with the tenant. So it is not dumpable, which keeps its memory, descriptors and /proc entry out of reach; it keeps
// default signal dispositions, which for PID 1 means that no process of the sandbox can signal it; and it opens everything of its own
// before the first program runs, so that lowered limits or a full process table cannot hurt it later: a program or a socket may then not
// come to be, which is told. It waits in pselect6(2) and nowhere
// else: ppoll(2) would fail once its RLIMIT_NOFILE were lowered below two.
//
// Without the C library, whose start alone costs 0.25 ms and 40 page faults; every sandbox pays them.

#include "start-packet.h"
#include "../CSandbox/csandbox_call.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { STACK = 16384, WORD = 64 };

static const uint64_t no_signals = 0, children_signal = 1ULL << (SIGCHLD - 1);

static struct {
  int process;  // 0: not started yet
  int ended;
} programs[INIT_PROGRAMS];

static union {
  struct init_start start;
  struct init_signal signal;
  uint8_t kind;
  char bytes[INIT_PACKET_MAX + 1];
} packet;

// What came beside the packet, and is closed when it has been obeyed.
static struct {
  int count, numbers[INIT_PASSED_MAX];
} passed;

union rights {
  struct cmsghdr head;
  char room[CMSG_SPACE(sizeof passed.numbers)];
};

static struct start_program program;
// Why it did not start. Written by the clone, which shares our memory, where no compiler looks for it.
static volatile int program_error;

static char program_stack[STACK] __attribute__((aligned(16)));

static void __attribute__((noreturn)) end(int status) {
  for (;;) csandbox_call(SYS_exit_group, status);
}

static void report(uint8_t kind, uint8_t number, uint32_t detail, uint32_t value) {
  const struct init_report event = {.kind = kind, .program = number, .detail = detail, .value = value};
  unsigned long length = kind == INIT_EXITED ? sizeof event : offsetof(struct init_report, value);
  // Two reports of each program, and one of the socket that was asked for last, always fit: a twentieth of what the kernel lets wait, and
  // it is read meanwhile. If not even that holds, nobody can be told anything.
  if (csandbox_call(SYS_sendto, INIT_CONTROL, &event, length, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0) < 0) end(1);
}

// The clone, in our memory until execve. We stand still meanwhile: an extension that stops it by a signal keeps its own environment from
// starting, and nothing else.
static void become(void *unused) {
  (void)unused;
  csandbox_call(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof no_signals);
  // A session, and with it a process group, of its own: nobody can join ours, whose priority would then be theirs to set.
  csandbox_call(SYS_setsid);
  long done = csandbox_call(SYS_chdir, program.directory);
  // These copies alone outlive execve; all that we have but 0 to 2 closes with it.
  for (int i = 0; i < passed.count && done >= 0; i++)
    done = csandbox_call(SYS_dup3, passed.numbers[i], packet.start.targets[i], 0);
  if (done >= 0) done = csandbox_call(SYS_execve, program.arguments[0], program.arguments, program.environment);
  program_error = (int)-done;
  end(127);
}

// Each program once, and the runtime last: what it shall not have of 0 to 2 is closed then.
static int may_start(long length) {
  if (init_read_start(packet.bytes, length, &program) < 0 || packet.start.passed != passed.count) return 0;
  return !programs[INIT_RUNTIME].process && !programs[packet.start.program].process;
}

// As vfork(2): nothing is copied, and on return execve has happened or its error is known. (clone3 is not allowed here.)
static void start(long length) {
  uint8_t number = packet.start.program;
  if (!may_start(length)) {
    report(INIT_FAILED, number, EINVAL, 0);
    return;
  }
  program_error = 0;
  long process = csandbox_clone(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, (long)(program_stack + STACK), become, NULL);
  if (process < 0) program_error = (int)-process;
  // The runtime's pipes must reach end of file with its last process, so they cannot stay open here.
  if (number == INIT_RUNTIME) csandbox_call(SYS_close_range, 0, 2, 0);
  programs[number].process = (int)process;
  programs[number].ended = program_error != 0;
  if (program_error) report(INIT_FAILED, number, (uint32_t)program_error, 0);
  else report(INIT_STARTED, number, (uint32_t)process, 0);
}

// The descriptor stays open here until it has been sent; in flight it is the other side's.
static long send_socket(int made) {
  struct init_report event = {.kind = INIT_SOCKET};
  union rights rights = {.head = {.cmsg_len = CMSG_LEN(sizeof made), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
  *(int *)CMSG_DATA(&rights.head) = made;
  struct iovec text = {.iov_base = &event, .iov_len = offsetof(struct init_report, value)};
  struct msghdr message = {
    .msg_iov = &text, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = CMSG_SPACE(sizeof made)};
  return csandbox_call(SYS_sendmsg, INIT_CONTROL, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// Unconnected, in the network that only those in the sandbox can make sockets in.
static void make_socket(void) {
  long made = csandbox_call(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  long done = made < 0 ? made : send_socket((int)made);
  if (done < 0) report(INIT_SOCKET, 0, (uint32_t)-done, 0);
  if (made >= 0) csandbox_call(SYS_close, made);
}

static void reap(int ends) {
  char notice[128];
  csandbox_call(SYS_read, ends, notice, sizeof notice);
  int status = 0;
  for (long process; (process = csandbox_call(SYS_wait4, -1, &status, WNOHANG, NULL)) > 0;) {
    uint8_t number = 0;
    // An ended one's pid may be another's by now.
    while (number < INIT_PROGRAMS && (programs[number].process != process || programs[number].ended)) number++;
    if (number == INIT_PROGRAMS) continue;
    programs[number].ended = 1;
    if (WIFSIGNALED(status)) report(INIT_EXITED, number, 1, (uint32_t)WTERMSIG(status));
    else report(INIT_EXITED, number, 0, (uint32_t)WEXITSTATUS(status));
  }
}

// A packet and what came beside it.
static long receive(void) {
  union rights rights;
  struct iovec text = {.iov_base = packet.bytes, .iov_len = INIT_PACKET_MAX};
  struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};
  passed.count = 0;
  long got = csandbox_call(SYS_recvmsg, INIT_CONTROL, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got <= 0 || message.msg_controllen < CMSG_LEN(0) || rights.head.cmsg_type != SCM_RIGHTS) return got;
  passed.count = (int)((rights.head.cmsg_len - CMSG_LEN(0)) / sizeof(int));
  for (int i = 0; i < passed.count; i++) passed.numbers[i] = ((int *)CMSG_DATA(&rights.head))[i];
  return got;
}

static void signal_program(void) {
  uint8_t number = packet.signal.program;
  if (number < INIT_PROGRAMS && programs[number].process > 0)
    csandbox_call(SYS_kill, -(long)programs[number].process, packet.signal.number);
}

static void obey(void) {
  long got = receive();
  if (got == -EAGAIN || got == -EINTR) return;
  if (got <= 0) end(0);
  if (packet.kind == INIT_START && got >= (long)sizeof packet.start) start(got);
  if (packet.kind == INIT_SIGNAL && got == sizeof packet.signal) signal_program();
  if (packet.kind == INIT_MAKE_SOCKET) make_socket();
  for (int i = 0; i < passed.count; i++) csandbox_call(SYS_close, passed.numbers[i]);
}

static long become_unreachable(void) {
  // Dead with roostd even when somebody else still holds the socket. Set here because credential changes clear it.
  long done = csandbox_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (done == 0) done = csandbox_call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (done == 0) done = csandbox_call(SYS_prctl, PR_SET_NAME, "roost-init", 0, 0, 0);
  if (done == 0) done = csandbox_call(SYS_fcntl, INIT_CONTROL, F_SETFD, FD_CLOEXEC);
  return done;
}

void __attribute__((noreturn, used)) roost_init(void) {
  long done = become_unreachable();
  if (done == 0) done = csandbox_call(SYS_rt_sigprocmask, SIG_BLOCK, &children_signal, NULL, sizeof children_signal);
  long ends = done == 0 ? csandbox_call(SYS_signalfd4, -1, &children_signal, sizeof children_signal, O_CLOEXEC | O_NONBLOCK) : done;
  // One word of descriptors is enough: they are the lowest there were.
  if (ends < 0 || ends >= WORD) end(1);
  const uint64_t control = 1ULL << INIT_CONTROL, children = 1ULL << ends;
  for (;;) {
    uint64_t ready = control | children;
    long count = csandbox_call(SYS_pselect6, WORD, &ready, NULL, NULL, NULL, NULL);
    if (count == -EINTR) continue;
    if (count < 0) end(1);
    if (ready & children) reap((int)ends);
    if (ready & control) obey();
  }
}

// The kernel enters here, with the stack aligned as the ABI wants it before a call.
#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tcall roost_init\n\tud2\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29, xzr\n\tbl roost_init\n\tbrk #1\n");
#endif
