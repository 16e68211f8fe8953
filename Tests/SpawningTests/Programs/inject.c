// Has the first thread of another process make a system call, and ends with the errno that it met: 0 for none.
//
// usage: inject PROCESS NUMBER      (all arguments of the call are 0; the process must be waiting in a system call; x86-64)
#include <errno.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

enum { NO_PROCESS = 250, NOT_WAITING = 251, LOST = 252, SYSCALL_INSTRUCTION = 0x050f };

int main(int count, char **words) {
  if (count != 3) return NO_PROCESS;
  pid_t process = atoi(words[1]);
  int status;
  if (ptrace(PTRACE_SEIZE, process, 0, 0) || ptrace(PTRACE_INTERRUPT, process, 0, 0) || waitpid(process, &status, __WALL) != process)
    return NO_PROCESS;
  struct user_regs_struct before, during;
  if (ptrace(PTRACE_GETREGS, process, 0, &before)) return NO_PROCESS;
  if ((ptrace(PTRACE_PEEKTEXT, process, before.rip - 2, 0) & 0xffff) != SYSCALL_INSTRUCTION) return NOT_WAITING;
  during = before;
  during.rip = before.rip - 2;
  during.rax = strtoul(words[2], NULL, 10);
  during.orig_rax = ~0ULL;
  during.rdi = during.rsi = during.rdx = during.r10 = during.r8 = during.r9 = 0;
  if (ptrace(PTRACE_SETREGS, process, 0, &during) || ptrace(PTRACE_SINGLESTEP, process, 0, 0)) return LOST;
  if (waitpid(process, &status, __WALL) != process || ptrace(PTRACE_GETREGS, process, 0, &during)) return LOST;
  // It was interrupted, as far as it knows.
  before.rax = (unsigned long long)-EINTR;
  before.orig_rax = ~0ULL;
  if (ptrace(PTRACE_SETREGS, process, 0, &before) || ptrace(PTRACE_DETACH, process, 0, 0)) return LOST;
  long long answer = (long long)during.rax;
  return answer < 0 && answer > -250 ? (int)-answer : 0;
}
