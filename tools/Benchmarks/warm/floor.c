/* floor: the least that a host of the Runtime API can cost on this machine. A yardstick, not a product.
 *
 * Build:  cc -O2 -o floor floor.c
 * Usage:  floor INVOKE_PORT RUNTIME_PORT COMMAND [ARGUMENT...]
 *
 * Executes COMMAND with AWS_LAMBDA_RUNTIME_API set and hands the body of each POST on INVOKE_PORT to the next GET …/invocation/next on
 * RUNTIME_PORT, and the body of …/response or …/error back. One thread, loopback, no checks, no log, no isolation: what remains is two loopback
 * hops and the client's own work. Ends, and its runtime with it, when its standard input does. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef enum { INPUT, CALLERS, RUNTIMES, CALLER, RUNTIME } kind;

typedef struct peer {
  kind kind;
  int fd;
  size_t received, capacity, head, body;
  char *buffer;
  struct peer *next;
} peer;

typedef struct {
  peer *first, **end;
} peer_queue;

static peer_queue waiting = {.end = &waiting.first}, calls = {.end = &calls.first};
static peer *in_flight[65536];
static unsigned last_id;
static int epoll;

static void fail(const char *what) {
  perror(what);
  exit(2);
}

static void push(peer_queue *queue, peer *p) {
  p->next = NULL;
  *queue->end = p;
  queue->end = &p->next;
}

static peer *pop(peer_queue *queue) {
  peer *p = queue->first;
  if (p && !(queue->first = p->next)) queue->end = &queue->first;
  return p;
}

static void watch(peer *p) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &event)) fail("epoll_ctl");
}

static void add_listener(kind kind, const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  peer *p = calloc(1, sizeof *p);
  int one = 1;
  *p = (peer){.kind = kind, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(p->fd, (struct sockaddr *)&address, sizeof address) || listen(p->fd, 512)) fail("listen");
  watch(p);
}

static void take_peer(const peer *listener) {
  int one = 1, fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0) return;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  peer *p = calloc(1, sizeof *p);
  *p = (peer){.kind = listener->kind == CALLERS ? CALLER : RUNTIME, .fd = fd};
  watch(p);
}

/* One message, in one write where the socket takes it. */
static void answer(const peer *p, const char *head, const char *body, size_t length) {
  size_t size = strlen(head) + length, sent = 0;
  char *message = malloc(size + 1);
  memcpy(stpcpy(message, head), body, length);
  while (sent < size) {
    ssize_t n = write(p->fd, message + sent, size - sent);
    if (n < 0 && errno != EINTR) break;
    if (n > 0) sent += (size_t)n;
  }
  free(message);
}

static void hand_over(void) {
  while (waiting.first && calls.first) {
    peer *runtime = pop(&waiting), *call = pop(&calls);
    char head[512];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    in_flight[++last_id % 65536] = call;
    snprintf(head, sizeof head,
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: 00000000-0000-4000-8000-%012u\r\n"
             "Lambda-Runtime-Deadline-Ms: %lld\r\nLambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:f\r\n"
             "Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700\r\nContent-Length: %zu\r\n\r\n",
             last_id % 65536, (long long)now.tv_sec * 1000 + 60000, call->body);
    answer(runtime, head, call->buffer + call->head, call->body);
  }
}

/* Joins the chunks of a body in place; 0 while they are not whole. */
static size_t join_chunks(peer *p) {
  size_t in = p->head, out = p->head;
  for (;;) {
    char *line = memmem(p->buffer + in, p->received - in, "\r\n", 2);
    if (!line) return 0;
    size_t size = strtoul(p->buffer + in, NULL, 16), data = (size_t)(line - p->buffer) + 2;
    if (!size) {
      char *end = memmem(line, p->received - (size_t)(line - p->buffer), "\r\n\r\n", 4);
      p->body = out - p->head;
      return end ? (size_t)(end - p->buffer) + 4 : 0;
    }
    if (p->received < data + size + 2) return 0;
    memmove(p->buffer + out, p->buffer + data, size);
    out += size;
    in = data + size + 2;
  }
}

/* The length of the request at the start of the buffer, or 0 while it is not whole. */
static size_t whole_request(peer *p) {
  char *end = memmem(p->buffer, p->received, "\r\n\r\n", 4);
  if (!end) return 0;
  p->head = (size_t)(end - p->buffer) + 4;
  p->body = 0;
  for (char *line = p->buffer; line < end; line = (char *)memmem(line, (size_t)(end + 2 - line), "\r\n", 2) + 2) {
    if (!strncasecmp(line, "content-length:", 15)) p->body = strtoul(line + 15, NULL, 10);
    if (!strncasecmp(line, "transfer-encoding: chunked", 26)) return join_chunks(p);
  }
  return p->received >= p->head + p->body ? p->head + p->body : 0;
}

static void take_answer(const peer *runtime) {
  char head[128], *id = memmem(runtime->buffer, runtime->head, "-8000-", 6);
  peer *call = id ? in_flight[strtoul(id + 6, NULL, 10) % 65536] : NULL;
  if (call) {
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", runtime->body);
    call->received = 0;
    answer(call, head, runtime->buffer + runtime->head, runtime->body);
  }
  answer(runtime, "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n", "{\"status\":\"OK\"}\n", 16);
}

static void proceed(peer *p) {
  if (p->capacity - p->received < 65536) {
    p->capacity = p->capacity * 2 + 131072;
    p->buffer = realloc(p->buffer, p->capacity);
  }
  ssize_t n = read(p->fd, p->buffer + p->received, p->capacity - p->received);
  if (n <= 0) { /* The record stays: a queue or a call may still point to it. */
    epoll_ctl(epoll, EPOLL_CTL_DEL, p->fd, NULL);
    close(p->fd);
    return;
  }
  p->received += (size_t)n;
  for (size_t length; (length = whole_request(p));) {
    if (p->kind == CALLER) { /* Its buffer holds the event until the answer is there. */
      push(&calls, p);
      hand_over();
      return;
    }
    if (p->buffer[0] == 'G') push(&waiting, p);
    else take_answer(p);
    p->received -= length;
    memmove(p->buffer, p->buffer + length, p->received);
    hand_over();
  }
}

static void execute(char **command, const char *port) {
  char api[32];
  snprintf(api, sizeof api, "127.0.0.1:%s", port);
  setenv("AWS_LAMBDA_RUNTIME_API", api, 1);
  if (fork()) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(open("/dev/null", O_RDWR), 0);
  execvp(command[0], command);
  perror(command[0]);
  _exit(127);
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: floor INVOKE_PORT RUNTIME_PORT COMMAND [ARGUMENT...]\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  add_listener(CALLERS, argv[1]);
  add_listener(RUNTIMES, argv[2]);
  peer input = {.kind = INPUT, .fd = 0};
  watch(&input);
  execute(argv + 3, argv[2]);
  for (;;) {
    struct epoll_event events[64];
    int n = epoll_wait(epoll, events, 64, -1);
    for (int i = 0; i < n; i++) {
      peer *p = events[i].data.ptr;
      switch (p->kind) {
        case INPUT: return 0;
        case CALLERS:
        case RUNTIMES: take_peer(p); break;
        case CALLER:
        case RUNTIME: proceed(p); break;
      }
    }
  }
}
