// The sandbox's network: its own loopback, with the Runtime API's address and listener on it.

#include "csandbox_netlink.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

// The loopback device is the first of every network namespace.
enum { LOOPBACK = 1 };

// One request, one answer: route netlink answers within sendto(2), so the receive never waits.
int csandbox_ask(int netlink, struct nlmsghdr *request) {
  struct { struct nlmsghdr head; struct nlmsgerr answer; char echo[256]; } reply;
  request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
  long done = csandbox_call(SYS_sendto, netlink, request, request->nlmsg_len, 0, NULL, 0);
  if (done < 0) return (int)done;
  done = csandbox_call(SYS_recvfrom, netlink, &reply, sizeof reply, MSG_DONTWAIT, NULL, NULL);
  if (done < 0) return (int)done;
  if (done < (long)NLMSG_LENGTH(sizeof reply.answer.error) || reply.head.nlmsg_type != NLMSG_ERROR) return -EPROTO;
  return reply.answer.error;
}

int csandbox_open_netlink(int *netlink) {
  long number = csandbox_call(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (number < 0) return (int)number;
  *netlink = (int)number;
  return 0;
}

// Brings 127.0.0.1/8 and ::1 with it.
int csandbox_loopback_up(struct child *child) {
  int done = csandbox_open_netlink(&child->netlink);
  if (done < 0) return done;
  struct { struct nlmsghdr head; struct ifinfomsg link; } request = {
    .head = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_NEWLINK},
    .link = {.ifi_family = AF_UNSPEC, .ifi_index = LOOPBACK, .ifi_flags = IFF_UP, .ifi_change = IFF_UP},
  };
  return csandbox_ask(child->netlink, &request.head);
}

// /32, so that no other link-local address (a cloud's metadata service) becomes an address of the sandbox itself.
int csandbox_loopback_address(struct child *child) {
  struct { struct nlmsghdr head; struct ifaddrmsg address; struct rtattr local; uint32_t value; } request = {
    .head = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_NEWADDR, .nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL},
    .address = {.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_scope = RT_SCOPE_HOST, .ifa_index = LOOPBACK},
    .local = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFA_LOCAL},
    .value = htonl(CSANDBOX_API_ADDRESS),
  };
  return csandbox_ask(child->netlink, &request.head);
}

int csandbox_listen(struct child *child) {
  const struct sockaddr_in address = {
    .sin_family = AF_INET, .sin_port = htons(CSANDBOX_API_PORT), .sin_addr = {.s_addr = htonl(CSANDBOX_API_ADDRESS)},
  };
  long listener = csandbox_call(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) return (int)listener;
  child->listener = (int)listener;
  long done = csandbox_call(SYS_bind, child->listener, &address, sizeof address);
  return csandbox_done(done < 0 ? done : csandbox_call(SYS_listen, child->listener, CSANDBOX_API_BACKLOG));
}
