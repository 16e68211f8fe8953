/* load: a keep-alive HTTP/1.1 load generator for Lambda's Invoke.
 *
 * Build:  cc -O2 -o load load.c sigv4.c
 * Usage:  load [-c CONNECTIONS] [-n REQUESTS] [-w WARMUP] [-b BODY] [-e SUBSTRING] [-s REGION] http://IPV4:PORT/PATH
 *
 *   -e  an answer without SUBSTRING in it counts as an error
 *   -s  signs each request (Signature Version 4) with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; made anew once a second, since a signature
 *       says nothing finer, so that signing is not part of what is measured
 *
 * A closed loop: each connection sends its next request when its answer is whole. The first WARMUP answers are not counted. Prints one JSON
 * object; latencies in milliseconds. Exit: 0 all right, 1 errors counted, 2 bad usage or no connection. One thread, no dependencies. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sigv4.h"

typedef struct {
  int fd, busy;
  size_t sent, request_length, received, capacity;
  char *buffer, *request; /* the request that is being sent stays as it is while later ones are signed anew */
  uint64_t begin;
} connection;

static struct {
  struct sockaddr_in address;
  char host[64], path[1024];
  const char *body, *expected;
  sigv4_credentials credentials; /* no access key: unsigned */
  long requests, warmup;
  int connections;
} options = {.body = "{}", .requests = 1000, .connections = 1};

static struct {
  uint64_t *latencies, counted_from;
  long begun, ended, counted, errors;
} run;

static void fail(const char *what) {
  fprintf(stderr, "load: %s\n", what);
  exit(2);
}

static void *allocate(size_t size) {
  void *memory = malloc(size);
  if (!memory) fail("out of memory");
  return memory;
}

static uint64_t nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- requests ---- */

enum { REQUEST_ROOM = 4096 };

static size_t write_request(char *request, size_t size) {
  char fields[1024] = "";
  size_t length = strlen(options.body);
  if (options.credentials.access_key &&
      !sigv4_fields(&options.credentials, options.host, options.path, options.body, length, time(NULL), fields, sizeof fields))
    fail("the request is too long to sign");
  int written = snprintf(request, size, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n%s",
                         options.path, options.host, length, fields, options.body);
  if (written < 0 || (size_t)written >= size) fail("the request is too long");
  return (size_t)written;
}

/* The request of this second. */
static const char *current_request(size_t *length) {
  static char *request;
  static size_t request_length;
  static time_t second;
  time_t now = options.credentials.access_key ? time(NULL) : 1;
  if (now != second) {
    if (!request) request = allocate(REQUEST_ROOM + strlen(options.body));
    request_length = write_request(request, REQUEST_ROOM + strlen(options.body));
    second = now;
  }
  *length = request_length;
  return request;
}

/* ---- answers ---- */

static long long content_length(const char *head, const char *end) {
  const char *line = head;
  while ((line = memmem(line, (size_t)(end - line), "\r\n", 2))) {
    line += 2;
    if (!strncasecmp(line, "content-length:", 15)) return atoll(line + 15);
    if (!strncasecmp(line, "transfer-encoding:", 18)) fail("the answer is chunked, which this tool does not read");
  }
  return 0;
}

/* The length of the answer at the start of the buffer, or 0 while it is not whole. */
static size_t whole_answer(const connection *c, size_t *head_length) {
  const char *end = memmem(c->buffer, c->received, "\r\n\r\n", 4);
  if (!end) return 0;
  *head_length = (size_t)(end - c->buffer) + 4;
  size_t length = *head_length + (size_t)content_length(c->buffer, end + 2);
  return c->received >= length ? length : 0;
}

static int is_right(const connection *c, size_t head_length, size_t length) {
  if (head_length < 12 || c->buffer[9] != '2') return 0;
  if (memmem(c->buffer, head_length, "X-Amz-Function-Error", 20) || memmem(c->buffer, head_length, "x-amz-function-error", 20)) return 0;
  return !options.expected || memmem(c->buffer + head_length, length - head_length, options.expected, strlen(options.expected)) != NULL;
}

/* ---- connections ---- */

static void dial(connection *c, int epoll) {
  int one = 1;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (c->fd < 0) fail(strerror(errno));
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(c->fd, (struct sockaddr *)&options.address, sizeof options.address)) fail("cannot connect");
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  c->received = c->busy = 0;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event)) fail(strerror(errno));
}

static void send_more(connection *c) {
  while (c->sent < c->request_length) {
    ssize_t n = write(c->fd, c->request + c->sent, c->request_length - c->sent);
    if (n <= 0) return;
    c->sent += (size_t)n;
  }
}

static void begin(connection *c) {
  if (c->busy || run.begun == options.requests + options.warmup) return;
  const char *request = current_request(&c->request_length);
  memcpy(c->request, request, c->request_length);
  c->busy = 1;
  c->sent = 0;
  run.begun++;
  c->begin = nanoseconds();
  send_more(c);
}

/* 0 at the end of the stream. */
static int receive_more(connection *c) {
  for (;;) {
    if (c->capacity - c->received < 65536) {
      c->capacity = c->capacity * 2 + 131072;
      c->buffer = realloc(c->buffer, c->capacity);
      if (!c->buffer) fail("out of memory");
    }
    ssize_t n = read(c->fd, c->buffer + c->received, c->capacity - c->received);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return 0;
    if (n < 0) return 1;
    c->received += (size_t)n;
  }
}

static void count(const connection *c, int right) {
  uint64_t now = nanoseconds();
  run.ended++;
  if (run.ended == options.warmup) run.counted_from = now;
  if (run.ended <= options.warmup) return;
  run.latencies[run.counted++] = now - c->begin;
  if (!right) run.errors++;
}

static void proceed(connection *c, int epoll) {
  send_more(c);
  int open = receive_more(c);
  size_t head_length = 0, length = whole_answer(c, &head_length);
  if (c->busy && length) {
    count(c, is_right(c, head_length, length));
    c->received -= length;
    memmove(c->buffer, c->buffer + length, c->received);
    c->busy = 0;
  } else if (c->busy && !open) {
    count(c, 0);
  }
  if (!open) {
    close(c->fd);
    dial(c, epoll);
  }
  begin(c);
}

static void loop(void) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  connection *connections = calloc((size_t)options.connections, sizeof *connections);
  if (epoll < 0 || !connections) fail("cannot begin");
  run.latencies = allocate((size_t)options.requests * sizeof *run.latencies);
  run.counted_from = nanoseconds();
  for (int i = 0; i < options.connections; i++) {
    connections[i].request = allocate(REQUEST_ROOM + strlen(options.body));
    dial(&connections[i], epoll);
    begin(&connections[i]);
  }
  while (run.ended < options.requests + options.warmup) {
    struct epoll_event events[64];
    int n = epoll_wait(epoll, events, 64, 30000);
    if (n == 0) fail("no answer for 30 s");
    for (int i = 0; i < n; i++) proceed(events[i].data.ptr, epoll);
  }
}

/* ---- the report ---- */

static int by_size(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static double percentile(double part) { return (double)run.latencies[(size_t)(part * (double)(run.counted - 1) + 0.5)] / 1e6; }

static void report(void) {
  double seconds = (double)(nanoseconds() - run.counted_from) / 1e9;
  qsort(run.latencies, (size_t)run.counted, sizeof *run.latencies, by_size);
  printf("{\"requests\":%ld,\"errors\":%ld,\"per_second\":%.1f,\"min\":%.4f,\"p50\":%.4f,\"p95\":%.4f,\"p99\":%.4f,\"max\":%.4f}\n", run.counted,
         run.errors, (double)run.counted / seconds, percentile(0), percentile(.5), percentile(.95), percentile(.99), percentile(1));
}

static void parse_url(const char *url) {
  char host[64] = "";
  int port = 80;
  if (sscanf(url, "http://%63[^/]%1023s", options.host, options.path) != 2) fail("give a URL: http://IPV4:PORT/PATH");
  sscanf(options.host, "%63[^:]:%d", host, &port);
  options.address.sin_family = AF_INET;
  options.address.sin_port = htons((uint16_t)port);
  if (inet_pton(AF_INET, host, &options.address.sin_addr) != 1) fail("the host must be an IPv4 address");
}

int main(int argc, char **argv) {
  for (int option; (option = getopt(argc, argv, "c:n:w:b:e:s:")) != -1;) {
    switch (option) {
      case 'c': options.connections = atoi(optarg); break;
      case 'n': options.requests = atol(optarg); break;
      case 'w': options.warmup = atol(optarg); break;
      case 'b': options.body = optarg; break;
      case 'e': options.expected = optarg; break;
      case 's':
        options.credentials = (sigv4_credentials){getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"), optarg};
        if (!options.credentials.access_key || !options.credentials.secret_key) fail("-s needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
        break;
      default: fail("see the head of load.c");
    }
  }
  if (optind != argc - 1 || options.connections < 1 || options.requests < 1) fail("see the head of load.c");
  parse_url(argv[optind]);
  signal(SIGPIPE, SIG_IGN);
  loop();
  report();
  return run.errors ? 1 : 0;
}
