#include "Result.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

_Static_assert(CLINUX_MOUNT_RDONLY == MOUNT_ATTR_RDONLY && CLINUX_MOUNT_NOSUID == MOUNT_ATTR_NOSUID, "mount.h");
_Static_assert(CLINUX_MOUNT_NODEV == MOUNT_ATTR_NODEV && CLINUX_MOUNT_NOEXEC == MOUNT_ATTR_NOEXEC, "mount.h");
_Static_assert(CLINUX_MOUNT_NOATIME == MOUNT_ATTR_NOATIME, "mount.h");
_Static_assert((int)CLINUX_LOOP_DIRECT_IO == (int)LO_FLAGS_DIRECT_IO, "loop.h");
_Static_assert((int)CLINUX_LOOP_AUTOCLEAR == (int)LO_FLAGS_AUTOCLEAR, "loop.h");

int clinux_fsopen(const char *type) { return (int)result(fsopen(type, FSOPEN_CLOEXEC)); }

int clinux_fsconfig_string(int context, const char *key, const char *value) {
  return (int)result(fsconfig(context, FSCONFIG_SET_STRING, key, value, 0));
}

int clinux_fsconfig_flag(int context, const char *key) {
  return (int)result(fsconfig(context, FSCONFIG_SET_FLAG, key, NULL, 0));
}

int clinux_fsconfig_create(int context) { return (int)result(fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0)); }

int clinux_fsmount(int context, unsigned attributes) { return (int)result(fsmount(context, FSMOUNT_CLOEXEC, attributes)); }

int clinux_loop_free(int control) { return (int)result(ioctl(control, LOOP_CTL_GET_FREE)); }

int clinux_loop_configure(int loop, int file, uint32_t flags) {
  struct loop_config config = {.fd = (uint32_t)file, .block_size = 4096, .info = {.lo_flags = flags}};
  return (int)result(ioctl(loop, LOOP_CONFIGURE, &config));
}

int clinux_loop_flags(int loop) {
  struct loop_info64 info;
  if (ioctl(loop, LOOP_GET_STATUS64, &info) < 0) return -errno;
  return (int)info.lo_flags;
}
