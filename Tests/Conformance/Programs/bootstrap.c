// A custom runtime that starts in a millisecond and does what its event says, good or bad. Static, without the C library's heap:
// what is measured beside it is the sandbox. `cc -static -O2 -o bootstrap bootstrap.c`
//
// Event: a JSON string, a word and perhaps a number.
//
//   "plain"        answers "plain"
//   "sleep MS"     answers after so many milliseconds
//   "spin MS"      the same, busy
//   "exit N"       ends with that status
//   "signal N"     ends by that signal
//   "memory MB"    touches so much memory
//   "flood KB"     writes so much to standard output
//   "fork N"       tries to start so many processes, which stay; answers how many there were
//   "fill MB"      writes so much into /tmp and answers how much there was room for
//   "silent"       never answers
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static char incoming[1 << 16], outgoing[1024], block[1 << 16];

static void pause_for(long milliseconds) {
  struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  while (nanosleep(&time, &time) < 0 && errno == EINTR) {}
}

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static long touch(long megabytes) {
  size_t size = (size_t)megabytes << 20;
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return -errno;
  for (size_t i = 0; i < size; i += 4096) memory[i] = 1;
  munmap(memory, size);
  return megabytes;
}

static long flood(long kilobytes) {
  memset(block, 'x', sizeof block);
  for (size_t i = 79; i < sizeof block; i += 80) block[i] = '\n';
  for (long i = 0; i < kilobytes; i++)
    if (write(STDOUT_FILENO, block, 1024) < 0) return -errno;
  return kilobytes;
}

static long start_processes(long count) {
  long started = 0;
  for (; started < count; started++) {
    pid_t child = fork();
    if (child < 0) break;
    if (child == 0) for (;;) pause_for(1000000);
  }
  return started;
}

static long fill(long megabytes) {
  long written = 0;
  int file = open("/tmp/filler", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  for (; written < megabytes * 16; written++)
    if (write(file, block, sizeof block) != sizeof block) break;
  close(file);
  return written / 16;
}

static long spin(long milliseconds) {
  for (long end = now() + milliseconds; now() < end;) {}
  return milliseconds;
}

// The number that is answered, or -1 for the word itself.
static long act(const char *word, long number) {
  if (!strcmp(word, "sleep")) return pause_for(number), number;
  if (!strcmp(word, "spin")) return spin(number);
  if (!strcmp(word, "exit")) _exit((int)number);
  if (!strcmp(word, "signal")) return raise((int)number), number;
  if (!strcmp(word, "memory")) return touch(number);
  if (!strcmp(word, "flood")) return flood(number);
  if (!strcmp(word, "fork")) return start_processes(number);
  if (!strcmp(word, "fill")) return fill(number);
  while (!strcmp(word, "silent")) pause_for(1000000);
  return -1;
}

// One request; the answer is in `incoming`, its body is returned.
static char *request(struct sockaddr_in *address, const char *text, size_t length) {
  static int connection = -1;
  if (connection < 0) {
    connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(connection, (struct sockaddr *)address, sizeof *address) < 0) _exit(71);
  }
  if (write(connection, text, length) != (ssize_t)length) _exit(72);
  for (size_t have = 0;;) {
    ssize_t count = read(connection, incoming + have, sizeof incoming - 1 - have);
    if (count <= 0) _exit(73);
    have += (size_t)count;
    incoming[have] = 0;
    char *end = strstr(incoming, "\r\n\r\n"), *size = strcasestr(incoming, "\r\ncontent-length:");
    if (!end || !size || size > end) continue;
    if (have - (size_t)(end + 4 - incoming) >= strtoul(size + 17, NULL, 10)) return end + 4;
  }
}

int main(void) {
  char *place = getenv("AWS_LAMBDA_RUNTIME_API"), *port = place ? strchr(place, ':') : NULL;
  if (!port) return 70;
  *port = 0;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port + 1))};
  inet_pton(AF_INET, place, &address.sin_addr);
  static const char next[] = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n";
  for (;;) {
    char word[16] = "", id[64] = "", body[32];
    long number = 0;
    char *event = request(&address, next, sizeof next - 1);
    char *header = strcasestr(incoming, "\r\nlambda-runtime-aws-request-id:");
    if (!header || sscanf(header + 32, " %63[0-9a-f-]", id) != 1) return 74;
    sscanf(event, "\"%15[a-z] %ld", word, &number);
    long done = act(word, number);
    if (done < 0) snprintf(body, sizeof body, "\"%s\"", word);
    else snprintf(body, sizeof body, "%ld", done);
    int length = snprintf(outgoing, sizeof outgoing,
      "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: runtime\r\nContent-Length: %zu\r\n\r\n%s", id, strlen(body), body);
    request(&address, outgoing, (size_t)length);
  }
}
