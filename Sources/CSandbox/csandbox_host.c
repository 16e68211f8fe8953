// What roostd prepares before it clones: facts about this kernel, and the root of a sandbox.

#include "csandbox_child.h"
#include "csandbox_filter.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Names of /proc that tell of the host or of its other tenants and that no runtime needs. Each costs a mount, so what needs no mask
// has none: what only root may read (kcore, kmsg, slabinfo, timer_list …: the host's root does not exist in a sandbox's user namespace,
// and find_masks looks at the mode), what the kernel shows by namespace (keys, key-users, locks, net, sysvipc), and what says nothing
// that the CPU does not say (dma, consoles, misc). /proc as a whole is read-only, so nothing in it can be set.
static const char *const telling[] = {
  // Hardware, its drivers and their knobs; disks, and the paths of swap files.
  "acpi", "asound", "bus", "driver", "dynamic_debug", "fs", "iomem", "ioports", "irq", "mdstat", "mpt", "mtrr", "partitions", "scsi",
  "swaps", "tty",
  // How the kernel was built and booted; where its code is.
  "cmdline", "config.gz", "kallsyms", "kcore", "modules",
  // What all others do, fine enough to spy on them.
  "buddyinfo", "diskstats", "interrupts", "latency_stats", "pagetypeinfo", "pressure", "sched_debug", "schedstat", "slabinfo",
  "softirqs", "timer_list", "vmallocinfo", "zoneinfo",
};

static int add_mask(struct csandbox_host *host, int process, const char *name) {
  struct stat facts;
  if (fstatat(process, name, &facts, AT_SYMLINK_NOFOLLOW) < 0) return errno == ENOENT ? 0 : -errno;
  if (!(facts.st_mode & (S_IROTH | S_IWOTH | S_IXOTH))) return 0;
  if (host->mask_count == CSANDBOX_MASKS_MAX) return -E2BIG;
  host->mask_is_directory[host->mask_count] = S_ISDIR(facts.st_mode);
  host->masks[host->mask_count++] = name;
  return 0;
}

static int find_masks(struct csandbox_host *host) {
  int process = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), done = process < 0 ? -errno : 0;
  for (size_t i = 0; i < sizeof telling / sizeof *telling && done == 0; i++) done = add_mask(host, process, telling[i]);
  if (process >= 0) close(process);
  return done;
}

// The shell that started us may ignore some (nohup, a background job), and execve hands that on. By the system call, since sigaction(3)
// does not speak of the signals that the C library keeps to itself.
static uint64_t find_ignored_signals(void) {
  uint64_t ignored = 0;
  for (int number = 1; number <= 64; number++) {
    struct csandbox_action action = {0};
    long done = csandbox_call(SYS_rt_sigaction, number, NULL, &action, sizeof action.mask);
    if (done == 0 && action.handler == SIG_IGN) ignored |= 1ULL << (number - 1);
  }
  return ignored;
}

int csandbox_prepare(struct csandbox_host *host) {
  *host = (struct csandbox_host){
    .last_capability = cap_max_bits() - 1, .ignored_signals = find_ignored_signals(), .landlock_abi = csandbox_find_landlock(),
  };
  int done = find_masks(host);
  return done == 0 ? csandbox_compile_filter(&host->filter) : done;
}

static int configure_root(int context, const char *lower) {
  const char *const options[][2] = {
    // Neither is of use without an upper layer, and both let the content of a layer point elsewhere.
    {"redirect_dir", "nofollow"}, {"metacopy", "off"}, {"source", "root"}, {"lowerdir", lower},
  };
  for (size_t i = 0; i < sizeof options / sizeof *options; i++)
    if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, options[i][0], options[i][1], 0) < 0) return -errno;
  return syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

int csandbox_mount_root(const int *lower, uint32_t count) {
  char names[CSANDBOX_LOWER_MAX * sizeof "/proc/self/fd/2147483647:"];
  size_t length = 0;
  if (count < 2 || count > CSANDBOX_LOWER_MAX) return -EINVAL;
  // The kernel wants the topmost first.
  for (uint32_t i = count; i-- > 0;)
    length += (size_t)sprintf(names + length, "%s/proc/self/fd/%d", length ? ":" : "", lower[i]);
  int context = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
  if (context < 0) return -errno;
  int done = configure_root(context, names);
  if (done == 0) {
    done = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    if (done < 0) done = -errno;
  }
  close(context);
  return done;
}
