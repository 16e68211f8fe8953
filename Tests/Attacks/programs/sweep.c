// Asks for every system call, each in a process of its own, with arguments that can do no harm, and prints how it was answered.
//
//   sweep native FIRST LAST     `number answer answer`: with all arguments -1, and with all 0
//   sweep i386 FIRST LAST       `number answer`: the 32-bit table, by int 0x80, with all arguments -1
//
// An answer is the errno, 0 for success, `signal` if the caller was killed, or `waits` if it was not back in time. x32 calls are native
// ones above 0x40000000.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { UNANSWERED = 1 << 20, MILLISECONDS = 100 };

static volatile int *answer;

// No function is called between the call under test and the end: a vfork's child and its parent share this stack.
static inline __attribute__((always_inline)) void native(long number, long argument) {
  long result;
  register long fourth __asm__("r10") = argument;
  register long fifth __asm__("r8") = argument;
  register long sixth __asm__("r9") = argument;
  __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(argument), "S"(argument), "d"(argument), "r"(fourth), "r"(fifth), "r"(sixth)
                   : "rcx", "r11", "memory");
  *answer = result < 0 && result > -4096 ? (int)-result : 0;
  for (;;) __asm__ volatile("syscall" : "=a"(result) : "0"((long)SYS_exit_group), "D"(0) : "rcx", "r11", "memory");
}

static void foreign(long number) {
  int result;
  __asm__ volatile("int $0x80" : "=a"(result) : "0"((int)number), "b"(-1), "c"(-1), "d"(-1), "S"(-1), "D"(-1) : "memory", "cc", "r8", "r9", "r10", "r11");
  *answer = result < 0 && result > -4096 ? -result : 0;
  _exit(0);
}

static void be_child(int is_native, long number, long argument) {
  // What a call closes, shuts down or truncates is nobody's.
  int null = open("/dev/null", O_RDWR);
  for (int i = 0; i < 3; i++) dup2(null, i);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (is_native) native(number, argument);
  foreign(number);
}

static void ask(int is_native, long number, long argument) {
  *answer = UNANSWERED;
  pid_t child = fork();
  if (child < 0) {
    perror("fork");
    exit(1);
  }
  if (child == 0) be_child(is_native, number, argument);
  int status = 0, waited = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (waited++ == MILLISECONDS * 10 || (*answer == UNANSWERED && waited > MILLISECONDS * 10)) kill(child, SIGKILL);
    usleep(100);
  }
  kill(-child, SIGKILL);  // what it has forked
  while (waitpid(-1, NULL, WNOHANG) > 0);
  if (*answer != UNANSWERED) printf(" %d", *answer);
  else printf(waited > MILLISECONDS * 10 ? " waits" : " signal");
}

int main(int count, char **arguments) {
  if (count != 4) return 64;
  int is_native = strcmp(arguments[1], "native") == 0;
  answer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  setvbuf(stdout, NULL, _IOLBF, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (long number = strtol(arguments[2], NULL, 0); number <= strtol(arguments[3], NULL, 0); number++) {
    printf("%ld", number);
    ask(is_native, number, -1);
    if (is_native) ask(is_native, number, 0);
    printf("\n");
    fflush(stdout);
  }
  return 0;
}
