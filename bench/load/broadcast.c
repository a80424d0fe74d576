// One connection sends something, and the server passes it on to all: how long until the last has it, and what each
// copy costs. A message counts once for each connection that it reached.
#include "load.h"
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct run {
  const struct plan *plan;
  int poll, *fds, *missing;   // missing: bytes that each connection still waits for
  char *text, *buffer;
};

// Sends it once; true when all got it, false when nothing arrived for `patience` milliseconds.
static bool tell_everybody(struct run *run, int patience) {
  const struct plan *p = run->plan;
  int waiting = p->connections;
  for (int i = 0; i < waiting; i++) run->missing[i] = p->size;
  if (send(run->fds[0], run->text, (size_t)p->size, MSG_NOSIGNAL) != p->size) give_up("send");
  struct epoll_event events[512];
  while (waiting > 0) {
    int ready = epoll_wait(run->poll, events, 512, patience);
    if (ready < 0 && errno != EINTR) give_up("epoll_wait");
    if (ready == 0) return false;
    for (int i = 0; i < ready; i++) {
      uint32_t index = events[i].data.u32;
      ssize_t n = recv(run->fds[index], run->buffer, 65536, 0);
      if (n == 0) errno = EPIPE;
      if (n <= 0) give_up("the server ended a connection");
      int before = run->missing[index];
      run->missing[index] -= (int)n;
      if (before > 0 && run->missing[index] <= 0) waiting--;
    }
  }
  return true;
}

void run_broadcast(const struct plan *p, struct result *r) {
  struct run run = {
    .plan = p, .poll = poll_new(), .fds = zeroed((size_t)p->connections, sizeof(int)),
    .missing = zeroed((size_t)p->connections, sizeof(int)),
    .text = pattern_new(p->size, 1), .buffer = zeroed(65536, 1),
  };
  for (int i = 0; i < p->connections; i++) {
    run.fds[i] = connect_tcp(p, 0, true);
    poll_add(run.poll, run.fds[i], EPOLLIN, (uint32_t)i);
  }
  // The server may not have accepted all of them yet: send it until all get it.
  int tries = 0;
  while (!tell_everybody(&run, 200)) {
    errno = ETIMEDOUT;
    if (++tries == 50) give_up("the broadcast does not reach everybody");
  }
  struct warm_up warm_up = warm_up_begin(p);
  uint64_t close_at = UINT64_MAX;
  for (;;) {
    uint64_t begun = now_nanos();
    if (close_at == UINT64_MAX && warm_up_done(&warm_up, p)) {
      window_open(&r->window, p);
      close_at = r->window.opened + (uint64_t)p->time_millis * 1000000u;
      begun = now_nanos();
    } else if (begun >= close_at) {
      break;
    }
    errno = ETIMEDOUT;
    if (!tell_everybody(&run, 10000)) give_up("a broadcast was lost");
    if (close_at == UINT64_MAX) continue;
    histogram_add(&r->latency, now_nanos() - begun);
    r->messages += (uint64_t)p->connections;
  }
  window_close(&r->window, p);
  r->bytes = r->messages * (uint64_t)p->size;
}
