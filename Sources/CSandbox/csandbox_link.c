// The sandbox's way out, where its policy has one: a pair of veth devices made by the child, the far end in the host's namespace.
//
// Made there and never moved or deleted (20 and 30 ms): the end of the sandbox's network namespace ends both. It is a line, not a
// network. The ends share one hardware address and speak no ARP, so that each frame is for whoever gets it and neither end needs an
// address to be asked for: the host's end has none, and the sandbox cannot address anything "beside" itself.
//
// The child does the host's end too, over a socket that it opened before it left the host's network namespace: the lock behind these
// requests is one for the whole kernel, and roostd, which has other sandboxes to care for, need not wait for it.

#include "csandbox_netlink.h"
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

// Chosen, so that nobody need ask for it; what a kernel makes by itself in a new namespace (sit0, tunl0) has the low ones.
enum { LINK = 64 };

// A routing protocol number nobody else uses, by which people can tell our routes: `ip route show proto 82`.
enum { PROTOCOL = 82 };

struct request {
  struct nlmsghdr head;
  char body[496];
};

static struct request begin(uint16_t type, uint16_t flags, const void *fixed, uint32_t size) {
  struct request request = {.head = {.nlmsg_len = NLMSG_LENGTH(size), .nlmsg_type = type, .nlmsg_flags = flags}};
  memcpy(request.body, fixed, size);
  return request;
}

// All that is ever added fits: names and numbers.
static struct rtattr *add(struct request *request, uint16_t type, const void *value, uint32_t size) {
  struct rtattr *attribute = (struct rtattr *)((char *)request + NLMSG_ALIGN(request->head.nlmsg_len));
  attribute->rta_type = type;
  attribute->rta_len = (uint16_t)RTA_LENGTH(size);
  if (size) memcpy(RTA_DATA(attribute), value, size);
  request->head.nlmsg_len = NLMSG_ALIGN(request->head.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
  return attribute;
}

static void add_number(struct request *request, uint16_t type, uint32_t number) { add(request, type, &number, sizeof number); }

static void end(struct request *request, struct rtattr *nest) {
  nest->rta_len = (uint16_t)((char *)request + request->head.nlmsg_len - (char *)nest);
}

// Locally administered, and one for both ends.
static void add_hardware_address(struct request *request, const struct csandbox_link *link) {
  const uint32_t address = htonl(link->address);
  unsigned char hardware[6] = {0x02, 0x52};
  memcpy(hardware + 2, &address, sizeof address);
  add(request, IFLA_ADDRESS, hardware, sizeof hardware);
}

int csandbox_open_host_netlink(struct child *child) {
  return child->plan->link.host < 0 ? 0 : csandbox_open_netlink(&child->host_netlink);
}

int csandbox_make_link(struct child *child) {
  const struct csandbox_link *plan = &child->plan->link;
  if (plan->host < 0) return 0;
  const struct ifinfomsg near = {.ifi_index = LINK, .ifi_flags = IFF_NOARP, .ifi_change = IFF_NOARP};
  const struct ifinfomsg far = {.ifi_flags = IFF_NOARP, .ifi_change = IFF_NOARP};
  struct request request = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &near, sizeof near);
  add(&request, IFLA_IFNAME, "eth0", sizeof "eth0");
  add_hardware_address(&request, plan);
  add_number(&request, IFLA_MTU, plan->mtu);
  struct rtattr *info = add(&request, IFLA_LINKINFO, NULL, 0);
  add(&request, IFLA_INFO_KIND, "veth", sizeof "veth");
  struct rtattr *data = add(&request, IFLA_INFO_DATA, NULL, 0);
  struct rtattr *peer = add(&request, VETH_INFO_PEER, &far, sizeof far);
  add(&request, IFLA_IFNAME, plan->name, sizeof plan->name);
  add_hardware_address(&request, plan);
  add_number(&request, IFLA_MTU, plan->mtu);
  add_number(&request, IFLA_GROUP, plan->group);
  add_number(&request, IFLA_NET_NS_FD, (uint32_t)plan->host);
  end(&request, peer);
  end(&request, data);
  end(&request, info);
  return csandbox_ask(child->netlink, &request.head);
}

// Up, and before that without an IPv6 address of its own: what comes up with one announces itself, and speaks a second protocol that
// no policy is about. EAFNOSUPPORT: this kernel has no IPv6.
static int bring_up(int netlink, int index) {
  const struct ifinfomsg link = {.ifi_index = index};
  struct request request = begin(RTM_SETLINK, 0, &link, sizeof link);
  struct rtattr *families = add(&request, IFLA_AF_SPEC, NULL, 0), *family = add(&request, AF_INET6, NULL, 0);
  const uint8_t none = IN6_ADDR_GEN_MODE_NONE;
  add(&request, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof none);
  end(&request, family);
  end(&request, families);
  int done = csandbox_ask(netlink, &request.head);
  if (done < 0 && done != -EAFNOSUPPORT) return done;
  const struct ifinfomsg up = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  request = begin(RTM_NEWLINK, 0, &up, sizeof up);
  return csandbox_ask(netlink, &request.head);
}

int csandbox_link_up(struct child *child) { return child->plan->link.host < 0 ? 0 : bring_up(child->netlink, LINK); }

int csandbox_link_address(struct child *child) {
  const struct csandbox_link *plan = &child->plan->link;
  if (plan->host < 0) return 0;
  const uint32_t address = htonl(plan->address);
  const struct ifaddrmsg fixed = {.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_scope = RT_SCOPE_UNIVERSE, .ifa_index = LINK};
  struct request request = begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &fixed, sizeof fixed);
  add(&request, IFA_LOCAL, &address, sizeof address);
  return csandbox_ask(child->netlink, &request.head);
}

// Over a line everything is at its other end.
int csandbox_link_route(struct child *child) {
  if (child->plan->link.host < 0) return 0;
  const struct rtmsg fixed = {
    .rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = PROTOCOL, .rtm_scope = RT_SCOPE_LINK, .rtm_type = RTN_UNICAST,
  };
  struct request request = begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &fixed, sizeof fixed);
  add_number(&request, RTA_OIF, LINK);
  return csandbox_ask(child->netlink, &request.head);
}

// The kernel gave the far end a number of its own. It stands at the answer's beginning, and the rest need not fit.
static int find_host_link(struct child *child) {
  const struct ifinfomsg any = {.ifi_family = AF_UNSPEC};
  struct request request = begin(RTM_GETLINK, NLM_F_REQUEST, &any, sizeof any);
  struct { struct nlmsghdr head; union { struct ifinfomsg link; struct nlmsgerr refusal; }; char rest[256]; } reply;
  add(&request, IFLA_IFNAME, child->plan->link.name, sizeof child->plan->link.name);
  long done = csandbox_call(SYS_sendto, child->host_netlink, &request, request.head.nlmsg_len, 0, NULL, 0);
  if (done < 0) return (int)done;
  done = csandbox_call(SYS_recvfrom, child->host_netlink, &reply, sizeof reply, MSG_DONTWAIT, NULL, NULL);
  if (done < 0) return (int)done;
  if (done >= (long)NLMSG_LENGTH(sizeof reply.refusal.error) && reply.head.nlmsg_type == NLMSG_ERROR) return reply.refusal.error;
  if (done < (long)NLMSG_LENGTH(sizeof reply.link) || reply.head.nlmsg_type != RTM_NEWLINK) return -EPROTO;
  child->host_link = reply.link.ifi_index;
  return 0;
}

int csandbox_host_link_up(struct child *child) {
  if (child->plan->link.host < 0) return 0;
  int done = find_host_link(child);
  return done < 0 ? done : bring_up(child->host_netlink, child->host_link);
}

// In the place of one that an earlier sandbox with this address has left for a moment.
int csandbox_host_link_route(struct child *child) {
  const struct csandbox_link *plan = &child->plan->link;
  if (plan->host < 0) return 0;
  const uint32_t address = htonl(plan->address);
  const struct rtmsg fixed = {
    .rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = PROTOCOL, .rtm_scope = RT_SCOPE_LINK,
    .rtm_type = RTN_UNICAST,
  };
  struct request request = begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &fixed, sizeof fixed);
  add(&request, RTA_DST, &address, sizeof address);
  add_number(&request, RTA_OIF, (uint32_t)child->host_link);
  return csandbox_ask(child->host_netlink, &request.head);
}
