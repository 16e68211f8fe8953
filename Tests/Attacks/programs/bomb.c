// Forks until nothing more can be forked, and never stops trying. `bomb threads` makes threads instead.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void *stay(void *unused) {
  for (;;) pause();
  return unused;
}

int main(int count, char **arguments) {
  (void)arguments;
  for (int number = 1; number < 32; number++) signal(number, SIG_IGN);
  if (count > 1) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 16384);
    for (pthread_t thread;;) pthread_create(&thread, &attributes, stay, NULL);
  }
  for (;;) fork();
}
