// Route netlink for the child's network steps, private to CSandbox.
#pragma once

#include "csandbox_child.h"
#include <linux/rtnetlink.h>

// A socket of the network namespace that the caller is in now, wherever it goes later.
int csandbox_open_netlink(int *netlink);

// Sends one request, and waits for the kernel's answer to it.
int csandbox_ask(int netlink, struct nlmsghdr *request);
