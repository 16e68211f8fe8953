#include "start.h"

static struct start_program program;

int start_read(void *packet, long length) { return init_read_start(packet, length, &program); }
const char *start_directory(void) { return program.directory; }
char **start_arguments(void) { return program.arguments; }
char **start_environment(void) { return program.environment; }
