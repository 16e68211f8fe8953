// CSandbox: what runs between clone3 and execve, in C because it must neither allocate nor lock nor touch a runtime.
//
// roostd prepares a plan (descriptors and numbers, nothing that the child would have to look up), clones, and from then on
// follows the child over its end of the set-up socket (SOCK_SEQPACKET, one packet per message):
//
//   child  -> roostd   CSANDBOX_READY    mounts and network stand, the user namespace awaits its maps; the Runtime API
//                                        listener travels beside it
//   roostd -> child    one byte          the maps are written (csandbox_admit)
//   child  -> roostd   end of file       execve happened: roost-init runs
//   child  -> roostd   CSANDBOX_FAILED   at any moment: step and errno; the child has ended itself
//
// Every function here returns a negative errno when it fails.
#pragma once

#include <linux/filter.h>
#include <stdint.h>
#include <sys/types.h>

// The child's steps, with the numbers of SpawnProtocol's SpawnStep.
enum csandbox_step {
  CSANDBOX_STEP_ATTACH_CONTROL_GROUP = 30,
  CSANDBOX_STEP_UNSHARE_CONTROL_GROUP = 31,
  CSANDBOX_STEP_LOOPBACK_UP = 32,
  CSANDBOX_STEP_LOOPBACK_ADDRESS = 33,
  CSANDBOX_STEP_LISTEN = 34,
  CSANDBOX_STEP_PASS_LISTENER = 35,
  CSANDBOX_STEP_PRIVATE_PROPAGATION = 36,
  CSANDBOX_STEP_MOUNT_ROOT = 37,
  CSANDBOX_STEP_MOUNT_TEMPORARY = 38,
  CSANDBOX_STEP_MOUNT_DEVICES = 39,
  CSANDBOX_STEP_MAKE_DEVICE = 40,
  CSANDBOX_STEP_MOUNT_PROCESS = 41,
  CSANDBOX_STEP_MASK_PROCESS = 42,
  CSANDBOX_STEP_PIVOT_ROOT = 43,
  CSANDBOX_STEP_DETACH_OLD_ROOT = 44,
  CSANDBOX_STEP_HOST_NAME = 45,
  CSANDBOX_STEP_DROP_BOUNDING_SET = 46,
  CSANDBOX_STEP_SET_GROUPS = 47,
  CSANDBOX_STEP_SET_USER = 48,
  CSANDBOX_STEP_UNSHARE_USER = 49,
  CSANDBOX_STEP_AWAIT_MAP = 50,
  CSANDBOX_STEP_ENTER_IDENTITY = 51,
  CSANDBOX_STEP_DROP_CAPABILITIES = 52,
  CSANDBOX_STEP_KEYRING = 53,
  CSANDBOX_STEP_RESOURCE_LIMITS = 54,
  CSANDBOX_STEP_SESSION = 55,
  CSANDBOX_STEP_NO_NEW_PRIVILEGES = 56,
  CSANDBOX_STEP_ARRANGE_DESCRIPTORS = 57,
  CSANDBOX_STEP_SECCOMP = 58,
  CSANDBOX_STEP_EXECUTE = 59,
  CSANDBOX_STEP_UNSHARE_NETWORK = 60,
  CSANDBOX_STEP_HOST_NETLINK = 61,
  CSANDBOX_STEP_MAKE_LINK = 62,
  CSANDBOX_STEP_LINK_UP = 63,
  CSANDBOX_STEP_LINK_ADDRESS = 64,
  CSANDBOX_STEP_LINK_ROUTE = 65,
  CSANDBOX_STEP_HOST_LINK_UP = 66,
  CSANDBOX_STEP_HOST_LINK_ROUTE = 67,
  CSANDBOX_STEP_LANDLOCK = 70,
};

// The identity of `sbx_user1051`, as seen inside every sandbox.
enum { CSANDBOX_INNER_USER = 993, CSANDBOX_INNER_GROUP = 990 };

// Where every sandbox's Runtime API listens, in host byte order.
enum { CSANDBOX_API_ADDRESS = 0xA9FE6401 /* 169.254.100.1 */, CSANDBOX_API_PORT = 9001, CSANDBOX_API_BACKLOG = 128 };

enum { CSANDBOX_TASKS_MAX = 8, CSANDBOX_MASKS_MAX = 40, CSANDBOX_LOWER_MAX = 7, CSANDBOX_HOST_ID_MIN = 1000 };

// What csandbox_prepare finds out and compiles once, for every sandbox.
struct csandbox_host {
  struct sock_fprog filter;                    // the system call policy
  int last_capability;                         // the highest capability number of this kernel
  uint64_t ignored_signals;                    // bit n-1: the caller ignores signal n
  uint32_t mask_count;
  const char *masks[CSANDBOX_MASKS_MAX];       // names in /proc that are covered in a sandbox
  unsigned char mask_is_directory[CSANDBOX_MASKS_MAX];
  int landlock_abi;                            // 0: no Landlock here that could be used
};

// The way out of a sandbox: a pair of veth devices, the far one in the host's network namespace.
struct csandbox_link {
  int host;                                    // the host's network namespace, or -1: no way out
  char name[16];                               // of the far end
  uint32_t address;                            // of the sandbox, in host byte order
  uint32_t group;                              // of the far end; never 0
  uint32_t mtu;
};

// Everything the child needs. All descriptors stay the caller's.
struct csandbox_plan {
  int control_group;                           // directory of the v2 group to be born in, or -1
  uint32_t tasks_count;
  int tasks[CSANDBOX_TASKS_MAX];               // v1 `tasks` files, open for writing, the cpu controller's last
  int root;                                    // detached read-only mount, from csandbox_mount_root
  int temporary;                               // detached mount that becomes /tmp, or -1
  int standard_output, standard_error;         // write ends
  int control;                                 // roost-init's end of the control socket
  int init;                                    // the roost-init executable
  int setup;                                   // the child's end of the set-up socket
  uint32_t host_id;                            // uid and gid of the sandbox on the host
  uint32_t process_limit;
  struct csandbox_link link;
};

struct csandbox_child {
  pid_t process;
  int pidfd;
  void *stack;                                 // of csandbox_spawn's child; see csandbox_free_stack
};

// Looks into this kernel and compiles the policy. The compiled policy stays allocated for good.
int csandbox_prepare(struct csandbox_host *host);

// Mounts a read-only overlay of `count` directories, the last on top, and returns the detached mount.
//
// The layers are named to the kernel by descriptor, so that no path of the host is in the sandbox's mountinfo. They must have been
// opened in the calling process's mount namespace.
int csandbox_mount_root(const int *lower, uint32_t count);

// Clones the child, which works through its steps on its own.
//
// Until its execve or its end the child runs in the caller's memory, on a stack of its own; the caller may have other threads. The plan is
// copied; `host` must stay.
int csandbox_spawn(const struct csandbox_host *host, const struct csandbox_plan *plan, struct csandbox_child *child);

// Gives the child's stack back: when CSANDBOX_ENDED was received or the process reaped, not before.
void csandbox_free_stack(struct csandbox_child *child);

// roostd's half of the identity step: writes `deny` and the one-line maps of the process's fresh user namespace, and lets it go on.
int csandbox_admit(int setup, pid_t process, uint32_t host_id);

// Signals the process; one that has ended is no error. With the first process of a sandbox all others of it end.
int csandbox_signal(int pidfd, int number);

// Reaps the process: 1, or 0 while it still runs. `status` becomes its exit status, or 128 and the number of the signal that ended it.
int csandbox_reap(int pidfd, int *status);

enum csandbox_report_kind {
  CSANDBOX_NOTHING = 0,   // no message yet
  CSANDBOX_READY = 1,
  CSANDBOX_FAILED = 2,
  CSANDBOX_ENDED = 3,     // the child's end is closed: execve, or death
};

struct csandbox_report {
  uint32_t kind;
  uint32_t step;          // CSANDBOX_FAILED
  int32_t error;          // CSANDBOX_FAILED; CSANDBOX_ENDED: not 0 if it was death for certain
  int32_t listener;       // CSANDBOX_READY: the caller's from now on; else -1
};

// Takes the next message off roostd's end of the set-up socket, without waiting.
int csandbox_receive(int setup, struct csandbox_report *report);

// What a program may do to a file of the host, or to all beneath a directory.
enum csandbox_leave {
  CSANDBOX_LEAVE_TO_READ = 1,
  CSANDBOX_LEAVE_TO_RUN = 2,     // and read
  CSANDBOX_LEAVE_TO_WRITE = 3,   // and read, what is there
  CSANDBOX_LEAVE_TO_KEEP = 4,    // a directory of its own: make, remove, rename, too; neither run nor make devices
};

struct csandbox_leave_for {
  int path;                      // O_PATH is enough
  enum csandbox_leave leave;
};

// A Landlock domain in which no other files than these can be opened: a descriptor for csandbox_start_daemon. ENOSYS or EOPNOTSUPP on a
// kernel without Landlock.
int csandbox_make_domain(const struct csandbox_leave_for *entries, uint32_t count);

// The ABI of this kernel's Landlock; ENOSYS or EOPNOTSUPP when there is none.
int csandbox_landlock_version(void);

// A program to be started under a user of the host.
struct csandbox_daemon {
  const char *path;
  char *const *arguments;
  char *const *environment;
  uint32_t user, group;
  uint32_t group_count;
  const uint32_t *groups;            // supplementary groups
  int socket;                        // becomes descriptor 3; -1: none
  int output;                        // becomes standard output; -1: the caller's
  int control_group;                 // directory of the v2 group to be born in, or -1
  uint32_t tasks_count;
  const int *tasks;                  // v1 `tasks` files, open for writing
  int domain;                        // from csandbox_make_domain, or -1
  const struct sock_fprog *filter;   // system call policy, or NULL
  const char *oom_score;             // for /proc/self/oom_score_adj, as far as the host lets us; NULL: as the caller's
};

// Starts the program with standard input and error of the caller, and no further descriptor: default signals, a session of its own, no
// capability in any set, no_new_privs, no core dumps.
//
// Returns when execve has happened, or with its error; then `child`, if its pidfd is not negative, has still to be reaped.
int csandbox_start_daemon(const struct csandbox_daemon *daemon, struct csandbox_child *child);

// Leaves the calling thread no capability but `kept` (bit n for number n) in any set, and none of those that the host has taken already; of
// them it can use those that are `effective`, and has to take the others up again by another call.
int csandbox_keep_capabilities(uint64_t kept, uint64_t effective);

// What the programs that this thread executes from now on get of its capabilities (bit n for number n); 0: nothing.
int csandbox_lend_capabilities(uint64_t lent);

// no_new_privs; no capability for a program that root executes but by csandbox_lend_capabilities; not dumpable.
int csandbox_seal_process(void);

// Puts roostd's system call policy on every thread of the process, for good.
int csandbox_install_daemon_filter(void);
