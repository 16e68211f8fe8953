#include "Result.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SAME(ours, theirs) _Static_assert((uint32_t)(ours) == (uint32_t)(theirs), "epoll.h")
SAME(CLINUX_EPOLLIN, EPOLLIN);
SAME(CLINUX_EPOLLPRI, EPOLLPRI);
SAME(CLINUX_EPOLLOUT, EPOLLOUT);
SAME(CLINUX_EPOLLERR, EPOLLERR);
SAME(CLINUX_EPOLLHUP, EPOLLHUP);
SAME(CLINUX_EPOLLONESHOT, EPOLLONESHOT);

enum { EVENTS_AT_ONCE = 64 };

int clinux_epoll_create(void) { return (int)result(epoll_create1(EPOLL_CLOEXEC)); }

static int control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
  struct epoll_event event = {.events = events, .data.u64 = token};
  return (int)result(epoll_ctl(epoll, operation, fd, &event));
}

int clinux_epoll_add(int epoll, int fd, uint32_t events, uint64_t token) {
  return control(epoll, EPOLL_CTL_ADD, fd, events, token);
}

int clinux_epoll_modify(int epoll, int fd, uint32_t events, uint64_t token) {
  return control(epoll, EPOLL_CTL_MOD, fd, events, token);
}

int clinux_epoll_remove(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0, 0); }

int clinux_epoll_wait(int epoll, struct clinux_event *events, int count, int milliseconds) {
  struct epoll_event raw[EVENTS_AT_ONCE];
  int ready = epoll_wait(epoll, raw, count < EVENTS_AT_ONCE ? count : EVENTS_AT_ONCE, milliseconds);
  if (ready < 0) return errno == EINTR ? 0 : -errno;
  for (int i = 0; i < ready; i++) events[i] = (struct clinux_event){.events = raw[i].events, .token = raw[i].data.u64};
  return ready;
}

int clinux_eventfd(void) { return (int)result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

static sigset_t as_set(uint64_t signals) {
  sigset_t set;
  sigemptyset(&set);
  for (int number = 1; number <= 64; number++) {
    // 32 and 33 belong to the C library, which refuses them here.
    if (signals >> (number - 1) & 1) (void)sigaddset(&set, number);
  }
  return set;
}

int clinux_block_signals(uint64_t signals) {
  sigset_t set = as_set(signals);
  return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int clinux_signalfd(uint64_t signals) {
  sigset_t set = as_set(signals);
  return (int)result(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int clinux_signalfd_read(int fd, struct clinux_signal *signal) {
  struct signalfd_siginfo full;
  ssize_t length;
  do length = read(fd, &full, sizeof full);
  while (length < 0 && errno == EINTR);
  if (length < 0) return -errno;
  *signal = (struct clinux_signal){.number = full.ssi_signo, .process = full.ssi_pid};
  return 1;
}
