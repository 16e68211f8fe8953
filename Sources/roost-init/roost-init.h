// What is spoken over a sandbox's control socket; the numbers of SpawnProtocol's InitMessage.swift, which describes the packets.
#pragma once

#include <stdint.h>

enum { INIT_CONTROL = 3, INIT_PACKET_MAX = 65536 };

enum init_request { INIT_START = 1, INIT_SIGNAL = 2 };
enum init_event { INIT_STARTED = 1, INIT_FAILED = 2, INIT_EXITED = 3 };

struct init_start { uint8_t kind, zero[3]; uint32_t argument_count, environment_count; };
struct init_signal { uint8_t kind, zero[3]; uint32_t number; };

// `detail` is a pid, an errno, or 0 = exited and 1 = signalled; `value` belongs to INIT_EXITED alone.
struct init_report { uint8_t kind, zero[3]; uint32_t detail, value; };

_Static_assert(sizeof(struct init_start) == 12 && sizeof(struct init_signal) == 8 && sizeof(struct init_report) == 12, "packet layout");
