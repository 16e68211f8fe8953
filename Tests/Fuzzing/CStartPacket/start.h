// roost-init's parser as Swift can call it, with the fuzzer's instruments.
#pragma once

#include "../../../Sources/roost-init/start-packet.h"

// As init_read_start(), into a program of its own.
int start_read(void *packet, long length);

const char *start_directory(void);
char **start_arguments(void);
char **start_environment(void);
