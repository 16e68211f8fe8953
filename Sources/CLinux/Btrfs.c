#include "Result.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

// Since 6.7; older headers do not name it.
enum { QUOTA_ENABLE_SIMPLE = 4 };

static int on_name(int directory, unsigned long request, const char *name) {
  struct btrfs_ioctl_vol_args arguments = {0};
  if (strlen(name) > BTRFS_PATH_NAME_MAX) return -ENAMETOOLONG;
  strcpy(arguments.name, name);
  return (int)result(ioctl(directory, request, &arguments));
}

int clinux_btrfs_create(int directory, const char *name) { return on_name(directory, BTRFS_IOC_SUBVOL_CREATE, name); }

int clinux_btrfs_delete(int directory, const char *name) { return on_name(directory, BTRFS_IOC_SNAP_DESTROY, name); }

int clinux_btrfs_enable_simple_quota(int directory) {
  struct btrfs_ioctl_quota_ctl_args arguments = {.cmd = QUOTA_ENABLE_SIMPLE};
  return (int)result(ioctl(directory, BTRFS_IOC_QUOTA_CTL, &arguments));
}

int clinux_btrfs_limit(int subvolume, uint64_t bytes) {
  struct btrfs_ioctl_qgroup_limit_args arguments = {.lim = {.flags = BTRFS_QGROUP_LIMIT_MAX_RFER, .max_rfer = bytes}};
  return (int)result(ioctl(subvolume, BTRFS_IOC_QGROUP_LIMIT, &arguments));
}

int clinux_btrfs_identify(int subvolume, uint64_t *number) {
  struct btrfs_ioctl_get_subvol_info_args information;
  if (ioctl(subvolume, BTRFS_IOC_GET_SUBVOL_INFO, &information) < 0) return -errno;
  *number = information.treeid;
  return 0;
}

int clinux_btrfs_forget_quota(int directory, uint64_t subvolume) {
  struct btrfs_ioctl_qgroup_create_args arguments = {.create = 0, .qgroupid = subvolume};
  return (int)result(ioctl(directory, BTRFS_IOC_QGROUP_CREATE, &arguments));
}

int clinux_clone_mount(int directory, unsigned attributes) {
  int mount = (int)result(open_tree(directory, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
  if (mount < 0) return mount;
  struct mount_attr wanted = {.attr_set = attributes};
  int done = (int)result(mount_setattr(mount, "", AT_EMPTY_PATH, &wanted, sizeof wanted));
  if (done >= 0) return mount;
  close(mount);
  return done;
}

int clinux_fallocate(int fd, int64_t bytes) { return (int)result(fallocate(fd, 0, 0, bytes)); }
