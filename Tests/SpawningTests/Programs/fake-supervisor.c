// Stands in for roost-supervisor: says what roostd wants to know of the configuration, hands its end of the socket to the test, which
// waits at <state-dir>/test.sock, and does what the test then tells it: end with a status.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *option(char **words, const char *name) {
  for (; *words; words++)
    if (!strcmp(*words, name) && words[1]) return words[1];
  return NULL;
}

static int resolve(char **words) {
  const char *failure = option(words, "--fail");
  if (failure) {
    fprintf(stderr, "configuration refused\n");
    return atoi(failure);
  }
  printf("state-dir=%s\nruntimes-dir=%s\n", option(words, "--state-dir"), option(words, "--runtimes-dir"));
  const char *pool = option(words, "--volume-pool");
  printf("uid-range=%s\nvolume-pool=%s\n", option(words, "--uids"), pool ? pool : "1");
  return 0;
}

// One line of what it finds itself to be, with descriptor 3 beside it.
static int introduce(int test) {
  char text[512];
  int status = 0, length = snprintf(text, sizeof text, "pid=%d uid=%d gid=%d fds=", getpid(), getuid(), getgid());
  for (int number = 0; number < 256; number++)
    if (number != test && dup2(number, number) == number) length += snprintf(text + length, 16, "%d,", number);
  struct iovec body = {text, (size_t)length};
  union { struct cmsghdr head; char bytes[CMSG_SPACE(sizeof(int))]; } space = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
  memcpy(CMSG_DATA(&space.head), &(int){3}, sizeof(int));
  struct msghdr packet = {.msg_iov = &body, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof space};
  if (sendmsg(test, &packet, 0) < 0) status = 70;
  close(3);
  return status;
}

int main(int count, char **words) {
  if (count > 1 && !strcmp(words[1], "resolve-configuration")) return resolve(words);
  if (option(words, "--help") || (count > 1 && !strcmp(words[1], "--version"))) return puts("fake 1.0") < 0;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s/test.sock", option(words, "--state-dir"));
  int test = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  if (connect(test, (struct sockaddr *)&address, sizeof address) < 0) return 70;
  int status = introduce(test);
  if (status) return status;
  unsigned char order;
  return recv(test, &order, 1, 0) == 1 ? order : 0;
}
