// The system call policy, private to CSandbox.
#pragma once

#include "include/CSandbox.h"

// Compiles the policy with libseccomp into a program that stays allocated for good.
int csandbox_compile_filter(struct sock_fprog *program);
