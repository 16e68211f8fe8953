// From root of the host to the one user of the sandbox.

#include "csandbox_child.h"
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

int csandbox_drop_bounding_set(struct child *child) {
  for (int capability = 0; capability <= child->host->last_capability; capability++) {
    long done = csandbox_call(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (done < 0) return (int)done;
  }
  return 0;
}

int csandbox_set_groups(struct child *child) {
  (void)child;
  return csandbox_done(csandbox_call(SYS_setgroups, 0, NULL));
}

static int set_ids(uint32_t user, uint32_t group) {
  long done = csandbox_call(SYS_setresgid, group, group, group);
  return csandbox_done(done < 0 ? done : csandbox_call(SYS_setresuid, user, user, user));
}

// With uid 0 goes every capability over the host.
int csandbox_set_user(struct child *child) { return set_ids(child->plan->host_id, child->plan->host_id); }

int csandbox_unshare_user(struct child *child) {
  (void)child;
  return csandbox_done(csandbox_call(SYS_unshare, CLONE_NEWUSER));
}

// Says in the sandbox's own numbers what the maps have made true; fails if they did not.
int csandbox_enter_identity(struct child *child) {
  (void)child;
  return set_ids(CSANDBOX_INNER_USER, CSANDBOX_INNER_GROUP);
}

int csandbox_drop_capabilities(struct child *child) {
  (void)child;
  struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
  const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
  return csandbox_done(csandbox_call(SYS_capset, &head, none));
}

// Keyrings are in no namespace: without this the sandbox would hold the keys of roostd's session. ENOSYS: a kernel without keys.
int csandbox_new_keyring(struct child *child) {
  (void)child;
  long done = csandbox_call(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
  return done == -ENOSYS ? 0 : csandbox_done(done);
}

// A host that took CAP_SYS_RESOURCE from roostd refuses to raise a hard limit; the lower one it has then stays.
static int limit(int resource, rlim_t soft, rlim_t hard) {
  const struct { uint64_t soft, hard; } wanted = {soft, hard};
  long done = csandbox_call(SYS_prlimit64, 0, resource, &wanted, NULL);
  return done == -EPERM ? 0 : csandbox_done(done);
}

enum { PROCESSES_TRIED = 16 };

// Lambda's own limits where it has them; the pools that all processes of a kernel share are kept small.
int csandbox_set_resource_limits(struct child *child) {
  // Of the two limits on processes the control group's is to be met first: it counts what it refuses, for the journal. This one is asked before
  // it, and counts those that are only being tried, at most one for each processor that forks; it holds where there is no such controller.
  const rlim_t processes = child->plan->process_limit + PROCESSES_TRIED;
  const struct { int resource; rlim_t soft, hard; } limits[] = {
    {RLIMIT_NOFILE, 1024, 1024},
    {RLIMIT_NPROC, processes, processes},
    // Not 0: where the host pipes cores to a program (systemd-coredump, apport), that is started as root of the host for every crash, and a
    // limit of 0 does not count (core(5)); 1 does. The filter keeps it.
    {RLIMIT_CORE, 1, 1},
    {RLIMIT_MEMLOCK, 65536, 65536},
    {RLIMIT_MSGQUEUE, 65536, 65536},
    {RLIMIT_SIGPENDING, 1024, 1024},
    {RLIMIT_STACK, 8 << 20, RLIM_INFINITY},
    {RLIMIT_NICE, 0, 0},
    {RLIMIT_RTPRIO, 0, 0},
  };
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    int done = limit(limits[i].resource, limits[i].soft, limits[i].hard);
    if (done < 0) return done;
  }
  return 0;
}

int csandbox_new_session(struct child *child) {
  (void)child;
  csandbox_call(SYS_umask, 022);
  return csandbox_done(csandbox_call(SYS_setsid));
}

int csandbox_reset_signals(uint64_t ignored) {
  const struct csandbox_action standard = {0};
  const uint64_t none = 0;
  for (int number = 1; ignored; number++, ignored >>= 1) {
    long done = ignored & 1 ? csandbox_call(SYS_rt_sigaction, number, &standard, NULL, sizeof none) : 0;
    if (done < 0) return (int)done;
  }
  return csandbox_done(csandbox_call(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none));
}
