// The Landlock domain of the supervisor: which files of the host there are for it. Made by roostd, put on by the supervisor's child.

#include "csandbox_child.h"
#include "csandbox_landlock.h"
#include <linux/landlock.h>
#include <sys/stat.h>

// Everything but making devices, and running programs: what is written there is data.
static const uint64_t KEEP = CSANDBOX_LANDLOCK_FIRST & ~(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK);

static uint64_t rights(enum csandbox_leave leave) {
  switch (leave) {
  case CSANDBOX_LEAVE_TO_READ: return CSANDBOX_LANDLOCK_READ;
  case CSANDBOX_LEAVE_TO_RUN: return CSANDBOX_LANDLOCK_READ_AND_RUN;
  case CSANDBOX_LEAVE_TO_WRITE: return CSANDBOX_LANDLOCK_READ | LANDLOCK_ACCESS_FS_WRITE_FILE;
  case CSANDBOX_LEAVE_TO_KEEP: return KEEP | CSANDBOX_LANDLOCK_REFER | CSANDBOX_LANDLOCK_TRUNCATE;
  }
  return 0;
}

static int add(int abi, int rules, const struct csandbox_leave_for *entry) {
  struct stat facts;
  if (fstat(entry->path, &facts) < 0) return -errno;
  uint64_t wanted = rights(entry->leave);
  return csandbox_landlock_add_path(abi, rules, entry->path, S_ISDIR(facts.st_mode) ? wanted : wanted & CSANDBOX_LANDLOCK_OF_FILES);
}

int csandbox_make_domain(const struct csandbox_leave_for *entries, uint32_t count) {
  int abi = csandbox_landlock_abi();
  if (abi < 0) return abi;
  // No signal to, and no abstract socket of, a process outside; the network is the supervisor's business.
  const struct csandbox_landlock_rules wanted = {
    .files = csandbox_landlock_files(abi), .scope = csandbox_landlock_scope(abi),
  };
  int rules = csandbox_landlock_create(abi, wanted), done = rules < 0 ? rules : 0;
  for (uint32_t i = 0; i < count && done == 0; i++) done = add(abi, rules, &entries[i]);
  if (done == 0) return rules;
  if (rules >= 0) close(rules);
  return done;
}

int csandbox_landlock_version(void) { return csandbox_landlock_abi(); }
