// The answer of a system call as CLinux gives it: >= 0, or -errno.
#pragma once

#include "CLinux.h"

#include <errno.h>

static inline long result(long answer) { return answer < 0 ? -errno : answer; }

// For calls that a signal may interrupt before anything was done.
#define RETURN_RETRIED(call)                              \
  do {                                                    \
    long answer_;                                         \
    do answer_ = (call); while (answer_ < 0 && errno == EINTR); \
    return result(answer_);                               \
  } while (0)
