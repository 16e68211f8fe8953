// Landlock without the C library, private to CSandbox: the calls, and what of them this kernel knows.
//
// A domain is made once from a set of rules and put on by the child shortly before execve; it can never be taken off. The numbers stand
// here because the headers of the oldest supported distribution know only the first two of the interface's versions (ABI).
#pragma once

#include "csandbox_call.h"
#include <errno.h>
#include <linux/landlock.h>
#include <stdint.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

// Rights over files, by the ABI that brought them. REFER (2) also stands for rename and link between directories: what a domain does not
// handle of it, it refuses.
#define CSANDBOX_LANDLOCK_REFER (1ULL << 13)      // ABI 2, Linux 5.19
#define CSANDBOX_LANDLOCK_TRUNCATE (1ULL << 14)   // ABI 3, Linux 6.2
#define CSANDBOX_LANDLOCK_IOCTL_DEV (1ULL << 15)  // ABI 5, Linux 6.10
// What a domain keeps its processes from doing to processes outside of it: ABI 6, Linux 6.12.
#define CSANDBOX_LANDLOCK_SCOPE_ABSTRACT_SOCKETS (1ULL << 0)
#define CSANDBOX_LANDLOCK_SCOPE_SIGNALS (1ULL << 1)
// Rights over TCP: ABI 4, Linux 6.7.
#define CSANDBOX_LANDLOCK_BIND_TCP (1ULL << 0)
#define CSANDBOX_LANDLOCK_CONNECT_TCP (1ULL << 1)

#define CSANDBOX_LANDLOCK_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define CSANDBOX_LANDLOCK_READ_AND_RUN (CSANDBOX_LANDLOCK_READ | LANDLOCK_ACCESS_FS_EXECUTE)
// All rights that exist in ABI 1: what a domain should handle at least.
#define CSANDBOX_LANDLOCK_FIRST ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
// The rights that a rule about something other than a directory may hold.
#define CSANDBOX_LANDLOCK_OF_FILES                                                                     \
  (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |         \
   CSANDBOX_LANDLOCK_TRUNCATE | CSANDBOX_LANDLOCK_IOCTL_DEV)

// As the kernel knows it since ABI 6; an older one takes the beginning, and E2BIG when something unknown to it is set.
struct csandbox_landlock_rules {
  uint64_t files;    // handled rights over files: refused but where a rule allows them
  uint64_t network;  // handled rights over TCP
  uint64_t scope;
};

struct csandbox_landlock_path {
  uint64_t allowed;
  int32_t parent;
} __attribute__((packed));

// The ABI of this kernel, or a negative errno: ENOSYS without Landlock, EOPNOTSUPP when it was not enabled at boot.
static inline int csandbox_landlock_abi(void) {
  return (int)csandbox_call(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

// Every right over files that a kernel of this ABI knows.
static inline uint64_t csandbox_landlock_files(int abi) {
  uint64_t rights = CSANDBOX_LANDLOCK_FIRST;
  if (abi >= 2) rights |= CSANDBOX_LANDLOCK_REFER;
  if (abi >= 3) rights |= CSANDBOX_LANDLOCK_TRUNCATE;
  if (abi >= 5) rights |= CSANDBOX_LANDLOCK_IOCTL_DEV;
  return rights;
}

static inline uint64_t csandbox_landlock_scope(int abi) {
  return abi >= 6 ? CSANDBOX_LANDLOCK_SCOPE_ABSTRACT_SOCKETS | CSANDBOX_LANDLOCK_SCOPE_SIGNALS : 0;
}

// A set of rules that handles `wanted` as far as the ABI has it: its descriptor, close-on-exec, or a negative errno.
static inline int csandbox_landlock_create(int abi, struct csandbox_landlock_rules wanted) {
  wanted.files &= csandbox_landlock_files(abi);
  if (abi < 4) wanted.network = 0;
  wanted.scope &= csandbox_landlock_scope(abi);
  size_t size = abi >= 6 ? sizeof wanted : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
  return (int)csandbox_call(SYS_landlock_create_ruleset, &wanted, size, 0);
}

// Allows `rights`, as far as the ABI has them, to the file behind the descriptor `path` (O_PATH is enough) and, of a directory, to all
// that is beneath it. A rule about anything else must hold no more than CSANDBOX_LANDLOCK_OF_FILES.
static inline int csandbox_landlock_add_path(int abi, int rules, int path, uint64_t rights) {
  const struct csandbox_landlock_path rule = {.allowed = rights & csandbox_landlock_files(abi), .parent = path};
  return (int)csandbox_call(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

// Puts the domain on the calling thread and all that it starts. Wants no_new_privs, or CAP_SYS_ADMIN.
static inline int csandbox_landlock_restrict(int rules) {
  return (int)csandbox_call(SYS_landlock_restrict_self, rules, 0);
}
