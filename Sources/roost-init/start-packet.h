// A start message, taken apart where it lies: PID 1 has no memory but its own few pages, and the program's strings are the packet's.
#pragma once

#include "roost-init.h"
#include <stddef.h>

enum { START_POINTERS_MAX = 4096 };

// What a program is started with; both lists end with a null pointer.
struct start_program {
  char *directory;
  char *arguments[START_POINTERS_MAX + 1], *environment[START_POINTERS_MAX + 1];
};

// Takes the next string of the packet; `last` is its closing NUL.
static inline char *init_next_string(char **at, const char *last) {
  char *text = *at;
  if (text >= last) return NULL;
  while (**at) ++*at;
  ++*at;
  return text;
}

static inline int init_take_strings(char **list, uint32_t count, char **at, const char *last) {
  if (count > START_POINTERS_MAX) return -1;
  for (uint32_t i = 0; i < count; i++)
    if (!(list[i] = init_next_string(at, last))) return -1;
  list[count] = NULL;
  return 0;
}

// Standard output and error, or above all that PID 1 itself has open, so that none lies where another is still to be taken from.
static inline int init_is_target(uint8_t number) { return number == 1 || number == 2 || (number >= 16 && number < 64); }

// `packet` has `length` bytes, at least those of a struct init_start, and room for one more, which becomes a NUL.
static inline int init_read_start(void *packet, long length, struct start_program *program) {
  const struct init_start *start = packet;
  char *at = (char *)packet + sizeof *start, *last = (char *)packet + length;
  *last = 0;
  if (start->program >= INIT_PROGRAMS || start->passed > INIT_PASSED_MAX) return -1;
  for (int i = 0; i < start->passed; i++)
    if (!init_is_target(start->targets[i])) return -1;
  program->directory = init_next_string(&at, last);
  if (!program->directory || start->argument_count == 0) return -1;
  if (init_take_strings(program->arguments, start->argument_count, &at, last)) return -1;
  return init_take_strings(program->environment, start->environment_count, &at, last);
}
