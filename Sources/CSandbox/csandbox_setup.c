// Both ends of the set-up socket.

#include "csandbox_child.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct message { uint32_t kind, step; int32_t error; };

union listener_space { struct cmsghdr head; char bytes[CMSG_SPACE(sizeof(int))]; };

// The child's end.

int csandbox_announce(struct child *child) {
  struct message message = {.kind = CSANDBOX_READY};
  struct iovec body = {&message, sizeof message};
  union listener_space space = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
  memcpy(CMSG_DATA(&space.head), &child->listener, sizeof(int));
  const struct msghdr packet = {
    .msg_iov = &body, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof space,
  };
  return csandbox_done(csandbox_call(SYS_sendmsg, child->setup, &packet, MSG_NOSIGNAL));
}

// The one place where the child waits; it ends when roostd does.
int csandbox_await_map(struct child *child) {
  char byte;
  long got = csandbox_call(SYS_read, child->setup, &byte, 1);
  return got == 1 ? 0 : got < 0 ? (int)got : -EPIPE;
}

// Nobody is left to be told when this fails, too.
void csandbox_report_failure(const struct child *child, uint32_t step, int error) {
  const struct message message = {.kind = CSANDBOX_FAILED, .step = step, .error = error};
  csandbox_call(SYS_sendto, child->setup, &message, sizeof message, MSG_NOSIGNAL, NULL, 0);
}

// roostd's end.

int csandbox_receive(int setup, struct csandbox_report *report) {
  struct message message = {0};
  struct iovec body = {&message, sizeof message};
  union listener_space space = {0};
  struct msghdr packet = {.msg_iov = &body, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof space};
  *report = (struct csandbox_report){.kind = CSANDBOX_NOTHING, .listener = -1};
  ssize_t got;
  do got = recvmsg(setup, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
  // It closed its end with something of ours unread: it was killed before it could go on.
  if (got < 0 && errno == ECONNRESET) {
    *report = (struct csandbox_report){.kind = CSANDBOX_ENDED, .error = ECONNRESET, .listener = -1};
    return 0;
  }
  if (got < 0) return -errno;
  const struct cmsghdr *head = CMSG_FIRSTHDR(&packet);
  if (head && head->cmsg_type == SCM_RIGHTS) memcpy(&report->listener, CMSG_DATA(head), sizeof(int));
  report->kind = got == 0 ? CSANDBOX_ENDED : message.kind;
  report->step = message.step;
  report->error = message.error;
  return 0;
}

static int write_file(int directory, const char *name, const char *text, size_t length) {
  int file = openat(directory, name, O_WRONLY | O_CLOEXEC);
  if (file < 0) return -errno;
  int done = write(file, text, length) < 0 ? -errno : 0;
  close(file);
  return done;
}

// In this order: once setgroups is denied it stays so, and a gid map ends the chance to deny it.
static int write_maps(int directory, uint32_t host_id) {
  char line[40];
  int done = write_file(directory, "setgroups", "deny", 4);
  if (done < 0) return done;
  int length = snprintf(line, sizeof line, "%d %u 1\n", CSANDBOX_INNER_USER, host_id);
  done = write_file(directory, "uid_map", line, (size_t)length);
  if (done < 0) return done;
  length = snprintf(line, sizeof line, "%d %u 1\n", CSANDBOX_INNER_GROUP, host_id);
  return write_file(directory, "gid_map", line, (size_t)length);
}

int csandbox_admit(int setup, pid_t process, uint32_t host_id) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d", process);
  int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return -errno;
  int done = write_maps(directory, host_id);
  close(directory);
  if (done < 0) return done;
  return send(setup, "", 1, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int csandbox_signal(int pidfd, int number) {
  long done = csandbox_call(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
  return done == -ESRCH ? 0 : csandbox_done(done);
}

// By pidfd and never "any child": another part of the process may wait for its own.
int csandbox_reap(int pidfd, int *status) {
  siginfo_t info = {0};
  int done;
  do done = waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | __WALL);
  while (done < 0 && errno == EINTR);
  if (done < 0) return -errno;
  if (info.si_pid == 0) return 0;
  *status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
  return 1;
}
