// The system call policies, private to CSandbox: the sandboxes' own, and what roostd's has of it.
//
// A `filter` is libseccomp's scmp_filter_ctx. Every function returns 0 or a negative errno.
#pragma once

#include "include/CSandbox.h"
#include <stddef.h>

// Compiles the sandboxes' policy with libseccomp into a program that stays allocated for good.
int csandbox_compile_filter(struct sock_fprog *program);

// The same for roostd and whatever it starts: a superset of the sandboxes', since a filter is inherited.
int csandbox_compile_daemon_filter(struct sock_fprog *program);

// A binary tree, and ENOSYS for the calls of another ABI.
int csandbox_begin_filter(void *filter);

// Allows all that sandboxes may call but sockets, whose families each policy names itself.
int csandbox_add_calls_of_sandboxes(void *filter);

// EPERM for what is known to need rights, but for `count` names.
int csandbox_refuse_privileged_calls(void *filter, const char *const *but, size_t count);

// The filter as a program, with `before_count` instructions put before it.
int csandbox_export_filter(void *filter, const struct sock_filter *before, size_t before_count, struct sock_fprog *program);
