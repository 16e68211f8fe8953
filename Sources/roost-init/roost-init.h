// What is spoken over a sandbox's control socket; the numbers of SpawnProtocol's InitMessage.swift, which describes the packets.
#pragma once

#include <stdint.h>

enum { INIT_CONTROL = 3, INIT_PACKET_MAX = 65536 };

// The runtime is program 0, the extensions are the others. None is given more descriptors than INIT_PASSED_MAX.
enum { INIT_RUNTIME = 0, INIT_PROGRAMS = 11, INIT_PASSED_MAX = 4 };

enum init_request { INIT_START = 1, INIT_SIGNAL = 2, INIT_MAKE_SOCKET = 3 };
enum init_event { INIT_STARTED = 1, INIT_FAILED = 2, INIT_EXITED = 3, INIT_SOCKET = 4 };

// `targets` are the numbers that the descriptors beside the packet shall have in the program.
struct init_start {
  uint8_t kind, program, passed, zero;
  uint32_t argument_count, environment_count;
  uint8_t targets[INIT_PASSED_MAX];
};
struct init_signal { uint8_t kind, program, zero[2]; uint32_t number; };

// `detail` is a pid, an errno, or 0 = exited and 1 = signalled; `value` belongs to INIT_EXITED alone.
struct init_report { uint8_t kind, program, zero[2]; uint32_t detail, value; };

_Static_assert(sizeof(struct init_start) == 16 && sizeof(struct init_signal) == 8 && sizeof(struct init_report) == 12, "packet layout");
