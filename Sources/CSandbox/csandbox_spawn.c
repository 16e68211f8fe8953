// The clone and the order of the child's steps.
//
// All namespaces but the user namespace are made with the host's rights, so that the sandbox owns none of them: no kernel bug that
// needs rights over a mount or network namespace is in reach. Privileges then fall in the order that each step still allows.

#include "csandbox_child.h"
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

// The child finds its descriptors here when roost-init starts; the two above close with execve.
enum { PLACE_CONTROL = 3, PLACE_SETUP = 4, PLACE_INIT = 5, PLACE_FIRST_FREE = 6 };

// The plan's descriptors that the child uses itself: eight, and the v1 files.
enum { OWN_MAX = 8 + CSANDBOX_TASKS_MAX };

// The deepest step needs less than 2 KB of stack. STACK_TOP holds a struct start and keeps the stack aligned.
enum { STACK_BLOCK = 65536, GUARD = 4096, STACK_TOP = 512 };

// Without the network namespace: making one takes as long as all else of the clone five times over, and clone3 is roostd's time.
static const uint64_t NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;

// Until roost-init does so itself, and again after each change of credentials, which clears it.
static int die_with_caller(struct child *child) {
  (void)child;
  return csandbox_done(csandbox_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
}

// The child's table is a copy of the caller's. What it kept of that would outlive the caller: its link, its files, and the other end of
// this and of every other child's set-up socket, whose readers would wait for ever.
static int leave_descriptors(struct child *child) {
  const struct csandbox_plan *plan = child->plan;
  int own[OWN_MAX] = {
    plan->root, plan->temporary, plan->standard_output, plan->standard_error, plan->control, plan->init, plan->setup,
    plan->link.host,
  };
  uint32_t count = OWN_MAX - CSANDBOX_TASKS_MAX;
  for (uint32_t i = 0; i < plan->tasks_count; i++) own[count++] = plan->tasks[i];
  for (uint32_t i = 1; i < count; i++)
    for (uint32_t j = i; j > 0 && own[j] < own[j - 1]; j--) {
      int other = own[j];
      own[j] = own[j - 1];
      own[j - 1] = other;
    }
  int first = STDERR_FILENO + 1;
  long done = 0;
  for (uint32_t i = 0; i < count && done >= 0; i++) {
    if (own[i] > first) done = csandbox_call(SYS_close_range, first, own[i] - 1, 0);
    if (own[i] >= first) first = own[i] + 1;
  }
  return csandbox_done(done < 0 ? done : csandbox_call(SYS_close_range, first, ~0U, 0));
}

static int unshare_network(struct child *child) {
  (void)child;
  return csandbox_done(csandbox_call(SYS_unshare, CLONE_NEWNET));
}

// v1 only; on v2 the child was born in its group. A task that writes "0" moves itself, alone, and the kernel then takes no lock over all
// thread groups, as it does for a pid written to cgroup.procs (4 to 28 ms).
static int attach_control_groups(struct child *child) {
  const struct csandbox_plan *plan = child->plan;
  for (uint32_t i = 0; i < plan->tasks_count; i++) {
    long done = csandbox_call(SYS_write, plan->tasks[i], "0", 1);
    if (done < 0) return (int)done;
  }
  return 0;
}

// After the attach, so that the sandbox's own groups are the roots it sees.
static int unshare_control_group(struct child *child) {
  (void)child;
  return csandbox_done(csandbox_call(SYS_unshare, CLONE_NEWCGROUP));
}

static int set_host_name(struct child *child) {
  static const char name[] = "sandbox", domain[] = "localdomain";
  (void)child;
  long done = csandbox_call(SYS_sethostname, name, sizeof name - 1);
  return csandbox_done(done < 0 ? done : csandbox_call(SYS_setdomainname, domain, sizeof domain - 1));
}

static int no_new_privileges(struct child *child) {
  (void)child;
  long done = csandbox_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return done < 0 ? (int)done : csandbox_reset_signals(child->host->ignored_signals);
}

// First everything is lifted out of the low numbers, whose present owner may be another descriptor of the plan; then put in place.
static int arrange_descriptors(struct child *child) {
  const struct csandbox_plan *plan = child->plan;
  long null = csandbox_call(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0) return (int)null;
  const int wanted[PLACE_FIRST_FREE] = {
    (int)null, plan->standard_output, plan->standard_error, plan->control, child->setup, child->init,
  };
  int lifted[PLACE_FIRST_FREE];
  for (int place = 0; place < PLACE_FIRST_FREE; place++) {
    long number = csandbox_call(SYS_fcntl, wanted[place], F_DUPFD_CLOEXEC, PLACE_FIRST_FREE);
    if (number < 0) return (int)number;
    lifted[place] = (int)number;
  }
  for (int place = 0; place < PLACE_FIRST_FREE; place++) {
    long done = csandbox_call(SYS_dup3, lifted[place], place, place >= PLACE_SETUP ? O_CLOEXEC : 0);
    if (done < 0) return (int)done;
  }
  child->setup = PLACE_SETUP;
  child->init = PLACE_INIT;
  return csandbox_done(csandbox_call(SYS_close_range, PLACE_FIRST_FREE, ~0U, 0));
}

// Last but one: from here on the child itself lives under the policy.
static int install_filter(struct child *child) {
  return csandbox_done(csandbox_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &child->host->filter));
}

static int execute(struct child *child) {
  static char *const arguments[] = {"roost-init", NULL}, *const environment[] = {NULL};
  return csandbox_done(csandbox_call(SYS_execveat, child->init, "", arguments, environment, AT_EMPTY_PATH));
}

static const struct { enum csandbox_step number; int (*run)(struct child *); } steps[] = {
  // Both, since the caller may have ended before the first.
  {CSANDBOX_STEP_ARRANGE_DESCRIPTORS, die_with_caller},
  {CSANDBOX_STEP_ARRANGE_DESCRIPTORS, leave_descriptors},
  // What it opens stays the host's.
  {CSANDBOX_STEP_HOST_NETLINK, csandbox_open_host_netlink},
  {CSANDBOX_STEP_UNSHARE_NETWORK, unshare_network},
  {CSANDBOX_STEP_LOOPBACK_UP, csandbox_loopback_up},
  {CSANDBOX_STEP_LOOPBACK_ADDRESS, csandbox_loopback_address},
  {CSANDBOX_STEP_LISTEN, csandbox_listen},
  {CSANDBOX_STEP_MAKE_LINK, csandbox_make_link},
  {CSANDBOX_STEP_LINK_UP, csandbox_link_up},
  {CSANDBOX_STEP_LINK_ADDRESS, csandbox_link_address},
  {CSANDBOX_STEP_LINK_ROUTE, csandbox_link_route},
  {CSANDBOX_STEP_HOST_LINK_UP, csandbox_host_link_up},
  {CSANDBOX_STEP_HOST_LINK_ROUTE, csandbox_host_link_route},
  {CSANDBOX_STEP_PRIVATE_PROPAGATION, csandbox_private_propagation},
  {CSANDBOX_STEP_MOUNT_ROOT, csandbox_attach_root},
  {CSANDBOX_STEP_MOUNT_TEMPORARY, csandbox_attach_temporary},
  {CSANDBOX_STEP_MOUNT_DEVICES, csandbox_mount_devices},
  {CSANDBOX_STEP_MAKE_DEVICE, csandbox_make_devices},
  {CSANDBOX_STEP_MOUNT_PROCESS, csandbox_mount_process},
  {CSANDBOX_STEP_MASK_PROCESS, csandbox_mask_process},
  {CSANDBOX_STEP_PIVOT_ROOT, csandbox_pivot_root},
  {CSANDBOX_STEP_DETACH_OLD_ROOT, csandbox_detach_old_root},
  {CSANDBOX_STEP_HOST_NAME, set_host_name},
  // As late as the rights allow: on a busy host a task that enters a v1 cpu group loses its place in the run queue.
  {CSANDBOX_STEP_ATTACH_CONTROL_GROUP, attach_control_groups},
  {CSANDBOX_STEP_UNSHARE_CONTROL_GROUP, unshare_control_group},
  // Twice: now while the host's CAP_SETPCAP is there, and again inside, since a new user namespace refills the set.
  {CSANDBOX_STEP_DROP_BOUNDING_SET, csandbox_drop_bounding_set},
  {CSANDBOX_STEP_SET_GROUPS, csandbox_set_groups},
  // Before the user namespace, which draws on its maker's per-user pools (inotify, signals, queues): made by root, all would share root's.
  {CSANDBOX_STEP_SET_USER, csandbox_set_user},
  {CSANDBOX_STEP_UNSHARE_USER, csandbox_unshare_user},
  {CSANDBOX_STEP_UNSHARE_USER, die_with_caller},
  {CSANDBOX_STEP_PASS_LISTENER, csandbox_announce},
  {CSANDBOX_STEP_AWAIT_MAP, csandbox_await_map},
  {CSANDBOX_STEP_ENTER_IDENTITY, csandbox_enter_identity},
  {CSANDBOX_STEP_DROP_BOUNDING_SET, csandbox_drop_bounding_set},
  {CSANDBOX_STEP_DROP_CAPABILITIES, csandbox_drop_capabilities},
  {CSANDBOX_STEP_KEYRING, csandbox_new_keyring},
  {CSANDBOX_STEP_SESSION, csandbox_new_session},
  {CSANDBOX_STEP_NO_NEW_PRIVILEGES, no_new_privileges},
  {CSANDBOX_STEP_LANDLOCK, csandbox_restrict_files},
  {CSANDBOX_STEP_ARRANGE_DESCRIPTORS, arrange_descriptors},
  // After the descriptors: NOFILE would stop a caller with many open ones from being copied down.
  {CSANDBOX_STEP_RESOURCE_LIMITS, csandbox_set_resource_limits},
  {CSANDBOX_STEP_SECCOMP, install_filter},
  {CSANDBOX_STEP_EXECUTE, execute},
};

// What the child has of its own: its copy of the plan, at the top of its stack.
struct start {
  struct csandbox_plan plan;
  struct child child;
};

_Static_assert(sizeof(struct start) <= STACK_TOP && STACK_TOP % 16 == 0, "room for the child's data");

static void run_child(void *argument) {
  struct child *child = argument;
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    int done = steps[i].run(child);
    if (done == 0) continue;
    csandbox_report_failure(child, steps[i].number, -done);
    break;
  }
  for (;;) csandbox_call(SYS_exit_group, 1);
}

// A stack with a page below it that must not be touched, and the child's data above it.
static struct start *make_stack(const struct csandbox_host *host, const struct csandbox_plan *plan) {
  char *block = mmap(NULL, STACK_BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (block == MAP_FAILED) return NULL;
  if (mprotect(block, GUARD, PROT_NONE) < 0) {
    munmap(block, STACK_BLOCK);
    return NULL;
  }
  struct start *start = (struct start *)(block + STACK_BLOCK - STACK_TOP);
  start->plan = *plan;
  start->child = (struct child){
    .host = host, .plan = &start->plan, .setup = plan->setup, .init = plan->init,
    .listener = -1, .netlink = -1, .host_netlink = -1, .devices = -1, .process = -1,
  };
  return start;
}

// In the caller's memory, as vfork does, but without making the caller wait: to copy it would take longer the larger it is (30 us for each
// MB), and much of it again when both write. The child has left it when its end of the set-up socket closes.
int csandbox_spawn(const struct csandbox_host *host, const struct csandbox_plan *plan, struct csandbox_child *child) {
  if (plan->host_id < CSANDBOX_HOST_ID_MIN || plan->tasks_count > CSANDBOX_TASKS_MAX) return -EINVAL;
  struct start *start = make_stack(host, plan);
  if (!start) return -ENOMEM;
  char *block = (char *)start + STACK_TOP - STACK_BLOCK;
  int pidfd = -1;
  struct clone_args arguments = {
    .flags = NAMESPACES | CLONE_VM | CLONE_PIDFD,
    .pidfd = (uint64_t)(uintptr_t)&pidfd,
    .exit_signal = SIGCHLD,
    .stack = (uint64_t)(uintptr_t)(block + GUARD),
    .stack_size = STACK_BLOCK - GUARD - STACK_TOP,
  };
  if (plan->control_group >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = (uint64_t)plan->control_group;
  }
  // No handler of the caller may run in the child.
  uint64_t all = ~0ULL, before = 0;
  csandbox_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
  long process = csandbox_clone(SYS_clone3, (long)&arguments, sizeof arguments, run_child, &start->child);
  csandbox_call(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
  *child = (struct csandbox_child){.process = (pid_t)process, .pidfd = pidfd, .stack = block};
  if (process < 0) csandbox_free_stack(child);
  return process < 0 ? (int)process : 0;
}

void csandbox_free_stack(struct csandbox_child *child) {
  if (child->stack) munmap(child->stack, STACK_BLOCK);
  child->stack = NULL;
}
