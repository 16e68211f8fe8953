// Stands in for roost-supervisor: says what roostd wants to know of the configuration, hands its end of the socket to the test, which
// waits at <state-dir>/test.sock, and does what the test then tells it: end with a status (one byte), or try something (words) and say
// which errno it met, 0 for none.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
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

// Neither running nor waited for.
static int is_gone(const char *process) {
  char path[64], state = 'X';
  snprintf(path, sizeof path, "/proc/%s/stat", process);
  FILE *file = fopen(path, "r");
  if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = '?';
  if (file) fclose(file);
  return state == 'X' || state == 'Z';
}

// Never comes to an end: waits beside a child that has its descriptors too, or writes.
static void misbehave(const char *how) {
  if (!strcmp(how, "hang")) fork();
  while (strcmp(how, "flood") ? pause() : puts("state-dir=/")) {}
}

static int resolve(char **words) {
  if (option(words, "--misbehave")) misbehave(option(words, "--misbehave"));
  const char *rival = option(words, "--unless");
  if (rival && !is_gone(rival)) return 90;

  const char *failure = option(words, "--fail");
  if (failure) {
    fprintf(stderr, "configuration refused\n");
    return atoi(failure);
  }
  printf("state-dir=%s\nruntimes-dir=%s\n", option(words, "--state-dir"), option(words, "--runtimes-dir"));
  const char *pool = option(words, "--volume-pool");
  printf("uid-range=%s\nvolume-pool=%s\n", option(words, "--uids"), pool ? pool : "1");
  const char *egress = option(words, "--egress");
  if (egress) printf("network-egress=%s\n", egress);
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

// A descendant that leaves session and parent; its process id.
static int leave(void) {
  int ends[2], id = 0;
  if (pipe(ends) < 0) return -1;
  if (fork() == 0) {
    setsid();
    if (fork() > 0) _exit(0);
    id = getpid();
    if (write(ends[1], &id, sizeof id) < 0) _exit(1);
    for (;;) pause();
  }
  return read(ends[0], &id, sizeof id) == sizeof id ? id : -1;
}

static int try(const char *verb, const char *first, const char *second) {
  int answer = -1;
  errno = ENOSYS;
  if (!strcmp(verb, "read")) answer = open(first, O_RDONLY);
  if (!strcmp(verb, "list")) answer = open(first, O_RDONLY | O_DIRECTORY);
  if (!strcmp(verb, "make")) answer = open(first, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!strcmp(verb, "remove")) answer = remove(first);
  if (!strcmp(verb, "rename")) answer = rename(first, second);
  if (!strcmp(verb, "run")) answer = execl(first, first, NULL);
  if (!strcmp(verb, "signal")) answer = kill(atoi(first), SIGCONT);
  if (!strcmp(verb, "unshare")) answer = unshare(CLONE_NEWUSER);
  return answer < 0 ? errno : 0;
}

static int obey(int test, char *order) {
  char *verb = strtok(order, " "), *first = strtok(NULL, " "), *second = strtok(NULL, " "), text[16];
  int length = snprintf(text, sizeof text, "%d", strcmp(verb, "leave") ? try(verb, first, second) : leave());
  return send(test, text, (size_t)length, 0) < 0 ? 70 : 0;
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
  for (;;) {
    char order[512];
    ssize_t length = recv(test, order, sizeof order - 1, 0);
    if (length <= 1) return length == 1 ? (unsigned char)order[0] : 0;
    order[length] = 0;
    status = obey(test, order);
    if (status) return status;
  }
}
