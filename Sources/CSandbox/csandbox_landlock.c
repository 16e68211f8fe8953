// The second wall around files: a Landlock domain, where the kernel has it.
//
// It says once more what the mounts say (only /tmp can be written) and, where the mounts are silent, more: no device is made anywhere, no
// socket or FIFO outside /tmp, no device but /dev's few is commanded, and neither a signal nor a connection to an abstract socket leaves the
// sandbox. It is checked in another part of the kernel than mount flags and user ids are, so that one mistake there opens nothing.
//
// Rules name inodes, and each sandbox has its own: the domain cannot be made beforehand. Its calls take
// 9 us on a 6.18 kernel.

#include "csandbox_child.h"
#include "csandbox_landlock.h"

// ABI 2 at least: a domain of the first refuses every rename from one directory into another, those within /tmp, too.
enum { ABI_MIN = 2, ABI_WITH_LOG_FLAGS = 7 };

// Since ABI 7 refusals go to the host's audit log: those of domains that the function makes for itself are not to fill it. (Ours are not
// logged once roost-init has executed the runtime.)
enum { LOG_SUBDOMAINS_OFF = 1 << 2 };

static const uint64_t WRITING = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | CSANDBOX_LANDLOCK_REFER |
                                CSANDBOX_LANDLOCK_TRUNCATE;

int csandbox_find_landlock(void) {
  int abi = csandbox_landlock_abi();
  return abi < ABI_MIN ? 0 : abi;
}

static int add_rules(const struct child *child, int abi, int rules) {
  const struct { int file; uint64_t rights; } places[] = {
    {child->plan->root, CSANDBOX_LANDLOCK_READ_AND_RUN},  // and so /proc, /dev and /tmp upon it
    {child->plan->temporary, WRITING},  // an unpacker has none
    // So that isatty(3) on /dev/null is answered "no terminal" as everywhere; these five obey no command without capabilities.
    {child->devices, LANDLOCK_ACCESS_FS_WRITE_FILE | CSANDBOX_LANDLOCK_IOCTL_DEV},
    // It is in no mount of the sandbox, but executed in a moment.
    {child->init, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE},
  };
  int done = 0;
  for (size_t i = 0; i < sizeof places / sizeof *places && done == 0; i++)
    if (places[i].file >= 0) done = csandbox_landlock_add_path(abi, rules, places[i].file, places[i].rights);
  return done;
}

// While the mounts' descriptors are open, and after no_new_privs, without which the kernel refuses. The set of rules is closed with them.
int csandbox_restrict_files(struct child *child) {
  int abi = child->host->landlock_abi;
  if (abi == 0) return 0;
  int rules = csandbox_landlock_create(
    abi, (struct csandbox_landlock_rules){.files = csandbox_landlock_files(abi), .scope = csandbox_landlock_scope(abi)});
  if (rules < 0) return rules;
  int done = add_rules(child, abi, rules);
  if (done < 0) return done;
  return csandbox_done(csandbox_call(SYS_landlock_restrict_self, rules, abi >= ABI_WITH_LOG_FLAGS ? LOG_SUBDOMAINS_OFF : 0));
}
