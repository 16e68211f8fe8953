#include "Result.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int clinux_seqpacket_pair(int ends[2]) { return (int)result(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)); }

int clinux_refuse_rights(int fd) {
  // SO_PASSRIGHTS: newer than the headers of the oldest distribution.
  return (int)result(setsockopt(fd, SOL_SOCKET, 83, &(int){0}, sizeof(int)));
}

int clinux_shutdown(int fd) { return (int)result(shutdown(fd, SHUT_RDWR)); }

ssize_t clinux_send_packet(int fd, const void *bytes, size_t count, const int *fds, size_t fd_count) {
  if (fd_count > CLINUX_MAX_DESCRIPTORS) return -EMSGSIZE;
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(CLINUX_MAX_DESCRIPTORS * sizeof(int))] = {0};
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (fd_count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
  }
  RETURN_RETRIED(sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

ssize_t clinux_receive_packet(int fd, void *buffer, size_t count, int fds[CLINUX_MAX_RECEIVED_DESCRIPTORS], size_t *fd_count) {
  // Room for all that there can be: what finds none the kernel closes, in this thread.
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(CLINUX_MAX_RECEIVED_DESCRIPTORS * sizeof(int))];
  struct iovec part = {.iov_base = buffer, .iov_len = count};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  *fd_count = 0;
  ssize_t length;
  do length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (length < 0 && errno == EINTR);
  if (length < 0) return -errno;

  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t received = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    // Never more: the kernel puts all of a packet's into one header.
    memcpy(fds, CMSG_DATA(header), received * sizeof(int));
    *fd_count = received;
  }
  // MSG_CTRUNC: this process may have no more descriptors. The rest of the packet is whole, and says how many there were to be.
  return (message.msg_flags & MSG_TRUNC) != 0 ? -EMSGSIZE : length;
}

int clinux_netlink(int protocol, int receive_buffer) {
  int fd = (int)result(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  // Refused to nobody who may make changes; were it, long answers would be cut, which is seen.
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer);
  return fd;
}

int clinux_netlink_join(int fd, int group) {
  // Not by NETLINK_ADD_MEMBERSHIP, which gives no port: what nftables tells is kept from the port 0.
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1U << (group - 1)};
  return (int)result(bind(fd, (struct sockaddr *)&address, sizeof address));
}

int clinux_accept(int listener) { RETURN_RETRIED(accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)); }

int clinux_connect(uint32_t address, uint16_t port) {
  struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {.s_addr = htonl(address)}};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (connect(fd, (struct sockaddr *)&peer, sizeof peer) == 0) return fd;
  int error = errno;
  close(fd);
  return -error;
}

ssize_t clinux_send(int fd, const void *bytes, size_t count) { RETURN_RETRIED(send(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT)); }

ssize_t clinux_receive(int fd, void *buffer, size_t count) { RETURN_RETRIED(recv(fd, buffer, count, 0)); }
