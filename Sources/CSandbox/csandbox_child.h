// The child's steps, private to CSandbox. Each does one thing, returns 0 or a negative errno, calls nothing but the kernel, and writes to
// nothing but its stack and `struct child`: all other memory is the parent's, who runs on.
#pragma once

#include "csandbox_call.h"
#include "include/CSandbox.h"
#include <errno.h>
#include <unistd.h>

// What the steps hand on to each other.
struct child {
  const struct csandbox_host *host;
  const struct csandbox_plan *plan;
  int setup;
  int init;
  int listener;
  int netlink;
  int host_netlink; // of the host's network namespace
  int host_link;    // the far end of the sandbox's link
  int devices;      // the mount at /dev
  int process;      // the mount at /proc
};

// A step is done when the kernel says anything but an error.
static inline int csandbox_done(long value) { return value < 0 ? (int)value : 0; }

int csandbox_loopback_up(struct child *child);
int csandbox_loopback_address(struct child *child);
int csandbox_listen(struct child *child);

int csandbox_open_host_netlink(struct child *child);
int csandbox_make_link(struct child *child);
int csandbox_link_up(struct child *child);
int csandbox_link_address(struct child *child);
int csandbox_link_route(struct child *child);
int csandbox_host_link_up(struct child *child);
int csandbox_host_link_route(struct child *child);

int csandbox_private_propagation(struct child *child);
int csandbox_attach_root(struct child *child);
int csandbox_attach_temporary(struct child *child);
int csandbox_mount_devices(struct child *child);
int csandbox_make_devices(struct child *child);
int csandbox_mount_process(struct child *child);
int csandbox_mask_process(struct child *child);
int csandbox_pivot_root(struct child *child);
int csandbox_detach_old_root(struct child *child);

int csandbox_drop_bounding_set(struct child *child);
int csandbox_set_groups(struct child *child);
int csandbox_set_user(struct child *child);
int csandbox_unshare_user(struct child *child);
int csandbox_enter_identity(struct child *child);
int csandbox_drop_capabilities(struct child *child);
int csandbox_new_keyring(struct child *child);
int csandbox_set_resource_limits(struct child *child);
int csandbox_new_session(struct child *child);

int csandbox_restrict_files(struct child *child);

// Landlock's ABI in this kernel, once for all sandboxes; 0 where it is of no use.
int csandbox_find_landlock(void);

// What rt_sigaction(2) takes, which is not what sigaction(3) takes.
struct csandbox_action {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)(void);
  uint64_t mask;
};

// Default dispositions for the `ignored` signals (bit n-1 for signal n), and an empty mask: execve would leave both.
int csandbox_reset_signals(uint64_t ignored);

int csandbox_announce(struct child *child);
int csandbox_await_map(struct child *child);
void csandbox_report_failure(const struct child *child, uint32_t step, int error);
