// CLinux: the system calls that Swift's Glibc module cannot see or call (variadic, macro-built, or without a wrapper).
//
// Every function is one system call or one ioctl, interrupted ones (EINTR) repeated, and answers a result >= 0 or -errno, so that no
// caller reads `errno` and a fault can be put in at this one border. Descriptors made here are close-on-exec from birth.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// --- Files ---------------------------------------------------------------------------------------------------------------
int clinux_open(const char *path, int flags, unsigned mode);
/// openat2(2); `resolve` is a set of CLINUX_RESOLVE_*.
int clinux_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
ssize_t clinux_read(int fd, void *buffer, size_t count);
ssize_t clinux_pread(int fd, void *buffer, size_t count, int64_t offset);
ssize_t clinux_write(int fd, const void *bytes, size_t count);
ssize_t clinux_pwrite(int fd, const void *bytes, size_t count, int64_t offset);
/// sendfile(2): how many bytes, from the position of `from`; 0 at its end.
ssize_t clinux_send_file(int to, int from, size_t count);
int clinux_duplicate(int fd);
int clinux_set_nonblocking(int fd);
int clinux_pipe(int ends[2], int flags);
int clinux_mkdirat(int directory, const char *name, unsigned mode);
int clinux_unlinkat(int directory, const char *name, int flags);
int clinux_renameat(int from, const char *name, int to, const char *new_name);
int clinux_fchown(int fd, unsigned owner, unsigned group);
int clinux_fchmod(int fd, unsigned mode);
int clinux_syncfs(int fd);
int clinux_ftruncate(int fd, int64_t size);
int clinux_memory_file(const char *name);
int64_t clinux_lseek(int fd, int64_t offset, int whence);
/// lseek(2) with SEEK_DATA: where data begins at or after `offset`; -ENXIO when only a hole is left.
int64_t clinux_next_data(int fd, int64_t offset);
/// fcntl(2), F_SETLK: the whole file for writing; -EAGAIN while another process has it.
int clinux_lock(int fd);
/// getdents64(2): raw entries, see `clinux_entry_*`.
ssize_t clinux_getdents(int fd, void *buffer, size_t count);
ssize_t clinux_getrandom(void *buffer, size_t count);

/// What Roost reads of statfs(2): sizes in units of `fragment` bytes.
struct clinux_filesystem {
  uint64_t type, fragment, blocks, blocks_free, blocks_available, files, files_free;
};
int clinux_fstatfs(int fd, struct clinux_filesystem *status);

/// O_TMPFILE: a file that never has a name.
enum { CLINUX_O_TMPFILE = 020200000 };
/// O_PATH: a place in the file system, not its content.
enum { CLINUX_O_PATH = 010000000 };

enum {
  CLINUX_RESOLVE_NO_XDEV = 0x01,
  CLINUX_RESOLVE_NO_MAGICLINKS = 0x02,
  CLINUX_RESOLVE_NO_SYMLINKS = 0x04,
  CLINUX_RESOLVE_BENEATH = 0x08,
};

// --- Sockets -------------------------------------------------------------------------------------------------------------
/// The largest number of descriptors in one packet: that we send, and that the kernel lets anybody send (SCM_MAX_FD).
enum { CLINUX_MAX_DESCRIPTORS = 64, CLINUX_MAX_RECEIVED_DESCRIPTORS = 253 };
int clinux_seqpacket_pair(int ends[2]);
/// setsockopt(2), SO_PASSRIGHTS off: -ENOPROTOOPT before Linux 6.16.
int clinux_refuse_rights(int fd);
/// shutdown(2) both ways.
int clinux_shutdown(int fd);
/// sendmsg(2) without waiting and without SIGPIPE; `fds` go beside the bytes by SCM_RIGHTS.
ssize_t clinux_send_packet(int fd, const void *bytes, size_t count, const int *fds, size_t fd_count);
/// recvmsg(2) without waiting. A packet larger than `count` is -EMSGSIZE; one whose descriptors find no room in our table brings fewer. In
/// any case the first `fd_count` of `fds` are the caller's from now on: nothing is closed here, since a close may wait.
ssize_t clinux_receive_packet(int fd, void *buffer, size_t count, int fds[CLINUX_MAX_RECEIVED_DESCRIPTORS], size_t *fd_count);
/// A netlink socket that does not wait, with room for `receive_buffer` bytes of answers.
int clinux_netlink(int protocol, int receive_buffer);
/// bind(2) to one of the groups 1 to 32 of netlink(7): what the kernel tells that group comes to this socket, too.
int clinux_netlink_join(int fd, int group);
/// accept4(2), close-on-exec and non-blocking.
int clinux_accept(int listener);
/// A TCP connection to an IPv4 address in host byte order, close-on-exec and blocking.
int clinux_connect(uint32_t address, uint16_t port);
/// send(2) without waiting and without SIGPIPE.
ssize_t clinux_send(int fd, const void *bytes, size_t count);
/// recv(2); waits if the socket is of the blocking kind.
ssize_t clinux_receive(int fd, void *buffer, size_t count);

// --- Waiting -------------------------------------------------------------------------------------------------------------
enum {
  CLINUX_EPOLLIN = 0x001,
  CLINUX_EPOLLPRI = 0x002,
  CLINUX_EPOLLOUT = 0x004,
  CLINUX_EPOLLERR = 0x008,
  CLINUX_EPOLLHUP = 0x010,
  CLINUX_EPOLLONESHOT = 1 << 30,
};
struct clinux_event {
  uint32_t events;
  uint64_t token;
};
int clinux_epoll_create(void);
int clinux_epoll_add(int epoll, int fd, uint32_t events, uint64_t token);
int clinux_epoll_modify(int epoll, int fd, uint32_t events, uint64_t token);
int clinux_epoll_remove(int epoll, int fd);
/// epoll_pwait2(2)'s meaning with a timeout in milliseconds, -1 for ever. An interrupted wait answers 0 events. At most 64 events.
int clinux_epoll_wait(int epoll, struct clinux_event *events, int count, int milliseconds);
/// eventfd(2), non-blocking.
int clinux_eventfd(void);
/// Blocks `signals` (bit n-1 = signal n) in the calling thread.
int clinux_block_signals(uint64_t signals);
/// signalfd(2), non-blocking, for `signals` as above.
int clinux_signalfd(uint64_t signals);
struct clinux_signal {
  uint32_t number, process;
};
/// One signal: 1, or -EAGAIN.
int clinux_signalfd_read(int fd, struct clinux_signal *signal);

// --- Processes -----------------------------------------------------------------------------------------------------------
int clinux_pidfd_open(int process);
int clinux_pidfd_send_signal(int pidfd, int number);
/// clone3(2) with arguments that every kernel refuses: -ENOSYS where there is no such call, -EINVAL where there is. Makes no process.
int clinux_clone3_probe(void);
struct clinux_exit {
  /// CLD_EXITED, CLD_KILLED or CLD_DUMPED, and the exit code or signal.
  int32_t code, status;
  uint64_t user_microseconds, system_microseconds;
};
/// waitid(2) on a pidfd with WEXITED|__WALL; `wait` 0 adds WNOHANG. 1 when reaped, 0 when it still runs.
int clinux_wait_pidfd(int pidfd, int wait, struct clinux_exit *exit);
/// Kills a child that is not reaped yet, and reaps it.
void clinux_end_child(int32_t process);
/// posix_spawn(3) with an empty signal mask and default dispositions: the process id. Standard input is `input`, or /dev/null when that is
/// negative; standard output and error go to `output` unless it is negative, and `inherited` becomes descriptor 3 unless it is.
int clinux_spawn(
  const char *path, char *const arguments[], char *const environment[], int input, int output, int inherited
);
/// The calling thread's name as ps(1) shows it, at most 15 bytes. prctl(2), PR_SET_NAME.
int clinux_name_thread(const char *name);
/// getpwnam_r(3): 1 when found, 0 when there is no such user.
int clinux_user(const char *name, uint32_t *user, uint32_t *group);
/// Symbolic name ("EINVAL") and text of an errno; NULL when unknown.
const char *clinux_error_name(int error);
const char *clinux_error_text(int error);

// --- Confinement ---------------------------------------------------------------------------------------------------------
/// Landlock's ABI in this kernel; -ENOSYS without it, -EOPNOTSUPP when it was not enabled at boot.
int clinux_landlock_abi(void);
/// Whether the caller may have a socket of this family: 0, or -errno. Nothing is done with it.
int clinux_socket_family_probe(int family, int type);
/// PTRACE_SECCOMP_GET_FILTER: the process's system call filter number `index`, the first 0, as it was installed: how many instructions of
/// 8 bytes were written to `program`. Stops the process for a moment. -ENOENT: no such filter; -EIO: a kernel without
/// CONFIG_CHECKPOINT_RESTORE; -EACCES: the caller is under a filter itself.
ssize_t clinux_seccomp_filter(int process, unsigned index, void *program, size_t capacity);

// --- Mounts --------------------------------------------------------------------------------------------------------------
enum {
  CLINUX_MOUNT_RDONLY = 0x01,
  CLINUX_MOUNT_NOSUID = 0x02,
  CLINUX_MOUNT_NODEV = 0x04,
  CLINUX_MOUNT_NOEXEC = 0x08,
  CLINUX_MOUNT_NOATIME = 0x10,
};
int clinux_fsopen(const char *type);
int clinux_fsconfig_string(int context, const char *key, const char *value);
int clinux_fsconfig_flag(int context, const char *key);
int clinux_fsconfig_create(int context);
/// fsmount(2): a detached mount with `attributes` of CLINUX_MOUNT_*; it goes with its last descriptor.
int clinux_fsmount(int context, unsigned attributes);
/// open_tree(2) and mount_setattr(2): a detached mount of the directory, with `attributes` of CLINUX_MOUNT_* beside those that its mount
/// has. -EINVAL before 6.15 for a directory of a mount that is itself detached.
int clinux_clone_mount(int directory, unsigned attributes);

// --- Loop devices --------------------------------------------------------------------------------------------------------
enum { CLINUX_LOOP_DIRECT_IO = 16, CLINUX_LOOP_AUTOCLEAR = 4 };
/// LOOP_CTL_GET_FREE on /dev/loop-control: the number of a free device.
int clinux_loop_free(int control);
/// LOOP_CONFIGURE (since 5.8) with a block size of 4096 and `flags` of CLINUX_LOOP_*.
int clinux_loop_configure(int loop, int file, uint32_t flags);
/// The `CLINUX_LOOP_*` flags of LOOP_GET_STATUS64.
int clinux_loop_flags(int loop);

// --- btrfs ---------------------------------------------------------------------------------------------------------------
// ioctl-btrfs(2); -ENOTTY on another file system.
/// BTRFS_IOC_SUBVOL_CREATE and BTRFS_IOC_SNAP_DESTROY: a subvolume `name` in the directory. What is in a deleted one goes later, by the
/// kernel's own cleaner.
int clinux_btrfs_create(int directory, const char *name);
int clinux_btrfs_delete(int directory, const char *name);
/// BTRFS_IOC_QUOTA_CTL: simple quotas for the whole file system, since 6.7 (-EINVAL before); nothing happens where it has quotas.
int clinux_btrfs_enable_simple_quota(int directory);
/// BTRFS_IOC_QGROUP_LIMIT on the subvolume itself: what it may refer to, its own metadata included.
int clinux_btrfs_limit(int subvolume, uint64_t bytes);
/// BTRFS_IOC_GET_SUBVOL_INFO: its number, which is also that of its quota group.
int clinux_btrfs_identify(int subvolume, uint64_t *number);
/// BTRFS_IOC_QGROUP_CREATE, to remove: -EBUSY while something of the subvolume is there, -ENOENT when the kernel did it (since 6.12).
int clinux_btrfs_forget_quota(int directory, uint64_t subvolume);
/// fallocate(2) from the file's beginning.
int clinux_fallocate(int fd, int64_t bytes);
