// The sandbox's file system: a read-only overlay as the root, and /tmp, /dev and /proc on it.
//
// What the sandbox's own files could turn into a link (a directory /proc or /tmp of the image) is resolved by descriptor, beneath the
// new root, without following any. All mounts are made detached and attached when finished.

#include "csandbox_child.h"
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

// Opens a directory of the new root to mount on.
static long open_mount_point(const struct child *child, const char *name) {
  const struct open_how how = {
    .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
    .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
  };
  return csandbox_call(SYS_openat2, child->plan->root, name, &how, sizeof how);
}

static long attach(int mount, int directory, const char *name) {
  unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | (*name ? 0 : MOVE_MOUNT_T_EMPTY_PATH);
  return csandbox_call(SYS_move_mount, mount, "", directory, name, flags);
}

static int attach_in_root(const struct child *child, int mount, const char *name) {
  long point = open_mount_point(child, name);
  if (point < 0) return (int)point;
  long done = attach(mount, (int)point, "");
  csandbox_call(SYS_close, point);
  return csandbox_done(done);
}

struct option { const char *name, *value; };

// A new file system as a detached mount.
static long mount_new(const char *type, const struct option *options, size_t count, unsigned attributes) {
  long context = csandbox_call(SYS_fsopen, type, FSOPEN_CLOEXEC), done = 0;
  if (context < 0) return context;
  for (size_t i = 0; i < count && done >= 0; i++)
    done = csandbox_call(SYS_fsconfig, context, FSCONFIG_SET_STRING, options[i].name, options[i].value, 0);
  if (done >= 0) done = csandbox_call(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
  if (done >= 0) done = csandbox_call(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
  csandbox_call(SYS_close, context);
  return done;
}

// Nothing mounted from here on reaches the host, nor the other way round.
int csandbox_private_propagation(struct child *child) {
  (void)child;
  return csandbox_done(csandbox_call(SYS_mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

// On top of the host's root, where path look-ups do not see it until it is pivoted to.
int csandbox_attach_root(struct child *child) { return csandbox_done(attach(child->plan->root, AT_FDCWD, "/")); }

int csandbox_attach_temporary(struct child *child) {
  const struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
  int mount = child->plan->temporary;
  if (mount < 0) return 0;
  long done = csandbox_call(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
  return done < 0 ? (int)done : attach_in_root(child, mount, "tmp");
}

// Sixteen inodes and one page are more than the five devices and four links need.
int csandbox_mount_devices(struct child *child) {
  static const struct option options[] = {{"source", "dev"}, {"mode", "755"}, {"size", "4k"}, {"nr_inodes", "16"}};
  long mount = mount_new("tmpfs", options, 4, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (mount < 0) return (int)mount;
  child->devices = (int)mount;
  return 0;
}

static int make_nodes(int directory) {
  static const struct { const char *name; unsigned minor; } nodes[] = {
    {"null", 3}, {"zero", 5}, {"full", 7}, {"random", 8}, {"urandom", 9},
  };
  static const struct { const char *name, *target; } links[] = {
    {"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
  };
  long done = 0;
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes && done >= 0; i++)
    done = csandbox_call(SYS_mknodat, directory, nodes[i].name, S_IFCHR | 0666, makedev(1, nodes[i].minor));
  for (size_t i = 0; i < sizeof links / sizeof *links && done >= 0; i++)
    done = csandbox_call(SYS_symlinkat, links[i].target, directory, links[i].name);
  return csandbox_done(done);
}

int csandbox_make_devices(struct child *child) {
  static const struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
  csandbox_call(SYS_umask, 0);
  int made = make_nodes(child->devices);
  if (made < 0) return made;
  long done = csandbox_call(SYS_mount_setattr, child->devices, "", AT_EMPTY_PATH, &read_only, sizeof read_only);
  return done < 0 ? (int)done : attach_in_root(child, child->devices, "dev");
}

// Of this pid namespace, since its first process mounts it. With hidepid PID 1, which is not dumpable, is in no listing.
int csandbox_mount_process(struct child *child) {
  static const struct option options[] = {{"source", "proc"}, {"hidepid", "invisible"}};
  static const unsigned attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  long mount = mount_new("proc", options, 2, attributes);
  if (mount < 0) return (int)mount;
  child->process = (int)mount;
  return attach_in_root(child, child->process, "proc");
}

static int cover(const struct child *child, int source, const char *name) {
  long mount = csandbox_call(SYS_open_tree, source, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  if (mount < 0) return (int)mount;
  long done = attach((int)mount, child->process, name);
  csandbox_call(SYS_close, mount);
  return csandbox_done(done);
}

// Files are covered by the sandbox's own /dev/null, directories by one empty file system: attached over the first, cloned from there,
// since a mount that is attached nowhere cannot be cloned before Linux 6.15.
int csandbox_mask_process(struct child *child) {
  static const struct option options[] = {{"source", "none"}, {"mode", "555"}, {"size", "4k"}, {"nr_inodes", "1"}};
  static const unsigned attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  const struct csandbox_host *host = child->host;
  long null = csandbox_call(SYS_openat, child->devices, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC), empty = -1;
  if (null < 0) return (int)null;
  for (uint32_t i = 0; i < host->mask_count; i++) {
    int done;
    if (!host->mask_is_directory[i]) {
      done = cover(child, (int)null, host->masks[i]);
    } else if (empty < 0) {
      empty = mount_new("tmpfs", options, 4, attributes);
      done = empty < 0 ? (int)empty : csandbox_done(attach((int)empty, child->process, host->masks[i]));
      if (done == -ENOENT) {
        csandbox_call(SYS_close, empty);
        empty = -1;
      }
    } else {
      done = cover(child, (int)empty, host->masks[i]);
    }
    // A name that went with its module since roostd looked tells nothing.
    if (done < 0 && done != -ENOENT) return done;
  }
  return 0;
}

// pivot_root(2), "pivot_root(".", ".")": the old root ends up stacked on the new one, at the working directory.
int csandbox_pivot_root(struct child *child) {
  long done = csandbox_call(SYS_fchdir, child->plan->root);
  return csandbox_done(done < 0 ? done : csandbox_call(SYS_pivot_root, ".", "."));
}

int csandbox_detach_old_root(struct child *child) {
  (void)child;
  long done = csandbox_call(SYS_umount2, ".", MNT_DETACH);
  return csandbox_done(done < 0 ? done : csandbox_call(SYS_chdir, "/"));
}
