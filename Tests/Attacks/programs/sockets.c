// Asks for a socket of every family, type and protocol, and prints those it is given: `family type protocol`.
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  for (long upper = 0; upper <= 1; upper++)
    for (int family = -1; family <= 64; family++)
      for (int type = 0; type <= 11; type++)
        for (int protocol = -1; protocol <= 300; protocol++) {
          // With bits above the 32 that the kernel takes, a filter that compares 64 could be deceived.
          long socket = syscall(SYS_socket, (unsigned)family | upper << 32, type, (unsigned)protocol | upper << 32);
          if (socket >= 0) printf("%d %d %d\n", family, type, protocol);
          if (socket >= 0) close((int)socket);
        }
  int pair[2];
  for (int family = 0; family <= 64; family++)
    for (int type = 1; type <= 5; type++)
      if (socketpair(family, type, 0, pair) == 0) {
        printf("pair %d %d\n", family, type);
        close(pair[0]);
        close(pair[1]);
      }
  return 0;
}
