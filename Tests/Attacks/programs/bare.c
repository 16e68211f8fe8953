// The smallest runtime: tells which descriptors it was started with, and its place among the processes, in answer to every event.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static char report[4096];

static void look(void) {
  int length = sprintf(report, "{\"descriptors\":[");
  for (int number = 0, count = 0; number < 1024; number++)
    if (fcntl(number, F_GETFD) >= 0) length += sprintf(report + length, "%s%d", count++ ? "," : "", number);
  sprintf(report + length, "],\"pid\":%d,\"parent\":%d}", getpid(), getppid());
}

static void ask(const char *request, char *answer, size_t size) {
  struct sockaddr_in api = {.sin_family = AF_INET, .sin_port = htons(9001)};
  inet_pton(AF_INET, "169.254.100.1", &api.sin_addr);
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(connection, (struct sockaddr *)&api, sizeof api) < 0 || write(connection, request, strlen(request)) < 0) exit(2);
  ssize_t length = read(connection, answer, size - 1);
  if (length <= 0) exit(3);
  answer[length] = 0;
  close(connection);
}

int main(void) {
  static char answer[65536], request[8192];
  look();
  for (;;) {
    ask("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\n\r\n", answer, sizeof answer);
    char *field = strcasestr(answer, "lambda-runtime-aws-request-id:"), identifier[64] = "";
    if (!field || sscanf(field + 30, " %63s", identifier) != 1) return 4;
    snprintf(request, sizeof request, "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s",
             identifier, strlen(report), report);
    ask(request, answer, sizeof answer);
  }
}
