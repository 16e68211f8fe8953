// System calls without the C library, private to CSandbox.
//
// The child of csandbox_spawn runs in the memory of its parent until execve, and with the same thread pointer: whatever syscall(3) writes
// to `errno` would appear in the parent's.
#pragma once

#include <linux/sched.h>
#include <stddef.h>
#include <sys/syscall.h>

#if defined(__x86_64__)

static inline long csandbox_syscall(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long answer;
  __asm__ volatile("syscall"
                   : "=a"(answer)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return answer;
}

// clone(2) with flags and the upper end of the child's stack, or clone3(2) with its arguments and their size: onto a stack of its own,
// where the child calls `entry`, which never returns.
static inline long csandbox_clone(long number, long first, long second, void (*entry)(void *), void *argument) {
  long answer;
  __asm__ volatile("syscall\n\t"
                   "test %%rax, %%rax\n\t"
                   "jnz 1f\n\t"
                   "mov %[argument], %%rdi\n\t"
                   "call *%[entry]\n\t"
                   "ud2\n"
                   "1:"
                   : "=a"(answer)
                   : "a"(number), "D"(first), "S"(second), [entry] "r"(entry), [argument] "r"(argument)
                   : "rcx", "r11", "memory");
  return answer;
}

#elif defined(__aarch64__)

static inline long csandbox_syscall(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}

static inline long csandbox_clone(long number, long first, long second, void (*entry)(void *), void *argument) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = first;
  register long x1 __asm__("x1") = second;
  __asm__ volatile("svc #0\n\t"
                   "cbnz x0, 1f\n\t"
                   "mov x0, %[argument]\n\t"
                   "blr %[entry]\n\t"
                   "brk #1\n"
                   "1:"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), [entry] "r"(entry), [argument] "r"(argument)
                   : "memory");
  return x0;
}

#else
#error "no system calls for this architecture yet"
#endif

// A call with up to six arguments, of whatever type: its result, or a negative errno.
#define csandbox_call(...) CSANDBOX_PADDED(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define CSANDBOX_PADDED(number, a, b, c, d, e, f, ...) \
  csandbox_syscall((number), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
