// What roostd takes from itself before it starts anything. Capabilities belong to a thread: to be called while there is only one.

#include "include/CSandbox.h"
#include <errno.h>
#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int apply(uint64_t kept, uint64_t effective) {
  struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
  if (syscall(SYS_capget, &head, sets) < 0) return -errno;
  for (int half = 0; half < _LINUX_CAPABILITY_U32S_3; half++) {
    // One that the host has taken from us already cannot be had, and is done without.
    sets[half].permitted &= (uint32_t)(kept >> (32 * half));
    sets[half].effective = sets[half].permitted & (uint32_t)(effective >> (32 * half));
    sets[half].inheritable = 0;
  }
  return syscall(SYS_capset, &head, sets) < 0 ? -errno : 0;
}

int csandbox_keep_capabilities(uint64_t kept, uint64_t effective) {
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -errno;
  // The bounding set first, while CAP_SETPCAP is certain to be there.
  for (int number = 0; number < cap_max_bits(); number++)
    if (!(kept >> number & 1) && prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0) return -errno;
  return apply(kept, effective);
}

int csandbox_lend_capabilities(uint64_t lent) {
  struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
  if (syscall(SYS_capget, &head, sets) < 0) return -errno;
  for (int half = 0; half < _LINUX_CAPABILITY_U32S_3; half++)
    sets[half].inheritable = sets[half].permitted & (uint32_t)(lent >> (32 * half));
  // What is no longer inheritable is no longer ambient.
  if (syscall(SYS_capset, &head, sets) < 0) return -errno;
  for (int number = 0; number < cap_max_bits(); number++)
    if ((lent >> number & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) < 0) return -errno;
  return 0;
}

int csandbox_seal_process(void) {
  // Programs that root executes get no capability for that: mke2fs has none. And nobody gets one by a file. What is lent to nft is ambient.
  unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED;
  if (prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
  // Neither memory nor descriptors are read through /proc, but by who may trace everything; no core dump is written.
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}
