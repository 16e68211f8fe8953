#include "Result.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

_Static_assert(CLINUX_RESOLVE_BENEATH == RESOLVE_BENEATH && CLINUX_RESOLVE_NO_XDEV == RESOLVE_NO_XDEV, "openat2.h");
_Static_assert(CLINUX_RESOLVE_NO_SYMLINKS == RESOLVE_NO_SYMLINKS, "openat2.h");
_Static_assert(CLINUX_RESOLVE_NO_MAGICLINKS == RESOLVE_NO_MAGICLINKS, "openat2.h");

_Static_assert(CLINUX_O_TMPFILE == O_TMPFILE && CLINUX_O_PATH == O_PATH, "fcntl.h");

int clinux_open(const char *path, int flags, unsigned mode) { RETURN_RETRIED(open(path, flags | O_CLOEXEC, mode)); }

int clinux_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
  // EAGAIN: a rename or mount raced with the walk, and the kernel could not prove it stayed beneath; asking again is the answer.
  long answer;
  int attempts = 0;
  do answer = syscall(SYS_openat2, directory, path, &how, sizeof how);
  while (answer < 0 && (errno == EINTR || (errno == EAGAIN && ++attempts < 16)));
  return (int)result(answer);
}

ssize_t clinux_read(int fd, void *buffer, size_t count) { RETURN_RETRIED(read(fd, buffer, count)); }

ssize_t clinux_pread(int fd, void *buffer, size_t count, int64_t offset) { RETURN_RETRIED(pread(fd, buffer, count, offset)); }

ssize_t clinux_write(int fd, const void *bytes, size_t count) { RETURN_RETRIED(write(fd, bytes, count)); }

ssize_t clinux_pwrite(int fd, const void *bytes, size_t count, int64_t offset) {
  RETURN_RETRIED(pwrite(fd, bytes, count, offset));
}

ssize_t clinux_send_file(int to, int from, size_t count) { RETURN_RETRIED(sendfile(to, from, NULL, count)); }

int clinux_duplicate(int fd) { return (int)result(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

int clinux_set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return (int)result(flags < 0 ? flags : fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

int clinux_pipe(int ends[2], int flags) { return (int)result(pipe2(ends, flags | O_CLOEXEC)); }

int clinux_mkdirat(int directory, const char *name, unsigned mode) { return (int)result(mkdirat(directory, name, mode)); }

int clinux_renameat(int from, const char *name, int to, const char *new_name) {
  return (int)result(renameat(from, name, to, new_name));
}

int clinux_unlinkat(int directory, const char *name, int flags) { return (int)result(unlinkat(directory, name, flags)); }

int clinux_fchown(int fd, unsigned owner, unsigned group) { return (int)result(fchown(fd, owner, group)); }

int clinux_fchmod(int fd, unsigned mode) { return (int)result(fchmod(fd, mode)); }

int clinux_syncfs(int fd) { RETURN_RETRIED(syncfs(fd)); }

int clinux_ftruncate(int fd, int64_t size) { RETURN_RETRIED(ftruncate(fd, size)); }

int64_t clinux_lseek(int fd, int64_t offset, int whence) { return result(lseek(fd, offset, whence)); }

int64_t clinux_next_data(int fd, int64_t offset) { return result(lseek(fd, offset, SEEK_DATA)); }

int clinux_lock(int fd) {
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  RETURN_RETRIED(fcntl(fd, F_SETLK, &whole));
}

ssize_t clinux_getdents(int fd, void *buffer, size_t count) { return result(syscall(SYS_getdents64, fd, buffer, count)); }

ssize_t clinux_getrandom(void *buffer, size_t count) { RETURN_RETRIED(getrandom(buffer, count, 0)); }

int clinux_fstatfs(int fd, struct clinux_filesystem *status) {
  struct statfs full;
  if (fstatfs(fd, &full) < 0) return -errno;
  *status = (struct clinux_filesystem){
    .type = (uint64_t)full.f_type, .fragment = (uint64_t)(full.f_frsize ? full.f_frsize : full.f_bsize),
    .blocks = full.f_blocks, .blocks_free = full.f_bfree, .blocks_available = full.f_bavail,
    .files = full.f_files, .files_free = full.f_ffree,
  };
  return 0;
}

int clinux_memory_file(const char *name) { return (int)result(memfd_create(name, MFD_CLOEXEC)); }
