// Connections that are held and idle. Twice it stops and waits for a line on its standard input, so
// that the server's memory can be looked at: with the first few connections, and with all of them.
#include "load.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

static void echo_once(const struct plan *p, int fd, const char *text, char *buffer) {
  struct pollfd waiting = {.fd = fd, .events = POLLIN};
  if (send(fd, text, (size_t)p->size, MSG_NOSIGNAL) != p->size) give_up("send");
  for (int received = 0; received < p->size;) {
    errno = ETIMEDOUT;
    if (poll(&waiting, 1, 20000) != 1) give_up("a held connection does not answer");
    ssize_t n = recv(fd, buffer, (size_t)p->size, 0);
    if (n == 0) errno = EPIPE;
    if (n <= 0) give_up("a held connection was ended");
    received += (int)n;
  }
}

static void show(int held) {
  printf("{\"held\":%d}\n", held);
  fflush(stdout);
  int c;
  while ((c = getchar()) != '\n' && c != EOF) {
  }
}

void run_idle(const struct plan *p, struct result *r) {
  char *text = pattern_new(p->size, 1), *buffer = zeroed((size_t)p->size, 1);
  int *fds = zeroed((size_t)p->connections, sizeof(int));
  window_open(&r->window, p);
  for (int i = 0; i < p->connections; i++) {
    fds[i] = connect_tcp(p, i, true);
    // Once each, so that the server has accepted it, has read from it and waits for more.
    echo_once(p, fds[i], text, buffer);
    if (i + 1 == p->base) show(p->base);
  }
  show(p->connections);
  for (int i = 0; i < p->connections; i++) {
    uint64_t begun = now_nanos();
    echo_once(p, fds[i], text, buffer);
    histogram_add(&r->latency, now_nanos() - begun);
    r->held++;
  }
  window_close(&r->window, p);
  r->messages = r->held;
  r->bytes = r->messages * (uint64_t)p->size;
}
