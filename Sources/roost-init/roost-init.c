// roost-init: PID 1 of every sandbox. Starts one program when it is told to, reaps whatever ends, passes signals on, says how the
// program ended, and ends itself (and the kernel with it the sandbox) when nobody holds the other end of the control socket.
//
// It shares its uid with the tenant. So it is not dumpable, which keeps its memory, descriptors and /proc entry out of reach; it keeps
// default signal dispositions, which for PID 1 means that no process of the sandbox can signal it; and it opens everything before the
// program runs, so that lowered limits or a full process table cannot hurt it later. It waits in pselect6(2) and nowhere
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
#include <sys/wait.h>

enum { STACK = 16384, WORD = 64 };

static const uint64_t no_signals = 0, children_signal = 1ULL << (SIGCHLD - 1);

static struct {
  int program;  // 0: not started yet
  int ended;
} sandbox;

static union {
  struct init_start start;
  struct init_signal signal;
  uint8_t kind;
  char bytes[INIT_PACKET_MAX + 1];
} packet;

static struct start_program program;
// Why it did not start. Written by the clone, which shares our memory, where no compiler looks for it.
static volatile int program_error;

static char program_stack[STACK] __attribute__((aligned(16)));

static void __attribute__((noreturn)) end(int status) {
  for (;;) csandbox_call(SYS_exit_group, status);
}

static void report(uint8_t kind, uint32_t detail, uint32_t value) {
  const struct init_report event = {.kind = kind, .detail = detail, .value = value};
  unsigned long length = kind == INIT_EXITED ? sizeof event : offsetof(struct init_report, value);
  // Three reports in a life always fit the socket; if not even that holds, nobody can be told anything.
  if (csandbox_call(SYS_sendto, INIT_CONTROL, &event, length, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0) < 0) end(1);
}

// The clone, in our memory until execve. We stand still meanwhile, but not at the tenant's mercy: no process of his exists yet.
static void become(void *unused) {
  (void)unused;
  csandbox_call(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof no_signals);
  // A session, and with it a process group, of its own: nobody can join ours, whose priority would then be theirs to set.
  csandbox_call(SYS_setsid);
  long done = csandbox_call(SYS_chdir, program.directory);
  if (done == 0) done = csandbox_call(SYS_execve, program.arguments[0], program.arguments, program.environment);
  program_error = (int)-done;
  end(127);
}

// As vfork(2): nothing is copied, and on return execve has happened or its error is known. (clone3 is not allowed here.)
static void start(long length) {
  if (sandbox.program || init_read_start(packet.bytes, length, &program) < 0) {
    report(INIT_FAILED, EINVAL, 0);
    return;
  }
  long process = csandbox_clone(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, (long)(program_stack + STACK), become, NULL);
  if (process < 0) program_error = (int)-process;
  // The runtime's pipes must reach end of file with its last process, so they cannot stay open here.
  csandbox_call(SYS_close_range, 0, 2, 0);
  sandbox.program = (int)process;
  sandbox.ended = program_error != 0;
  if (program_error) report(INIT_FAILED, (uint32_t)program_error, 0);
  else report(INIT_STARTED, (uint32_t)process, 0);
}

static void reap(int ends) {
  char notice[128];
  csandbox_call(SYS_read, ends, notice, sizeof notice);
  int status = 0;
  for (long process; (process = csandbox_call(SYS_wait4, -1, &status, WNOHANG, NULL)) > 0;) {
    if (process != sandbox.program || sandbox.ended) continue;
    sandbox.ended = 1;
    if (WIFSIGNALED(status)) report(INIT_EXITED, 1, (uint32_t)WTERMSIG(status));
    else report(INIT_EXITED, 0, (uint32_t)WEXITSTATUS(status));
  }
}

static void obey(void) {
  long got = csandbox_call(SYS_recvfrom, INIT_CONTROL, packet.bytes, INIT_PACKET_MAX, MSG_DONTWAIT, NULL, NULL);
  if (got == -EAGAIN || got == -EINTR) return;
  if (got <= 0) end(0);
  if (packet.kind == INIT_START && got >= (long)sizeof packet.start) start(got);
  if (packet.kind == INIT_SIGNAL && got == sizeof packet.signal && sandbox.program > 0)
    csandbox_call(SYS_kill, -(long)sandbox.program, packet.signal.number);
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
