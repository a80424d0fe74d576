// Many sockets of UDP that a server knows: one of them sends something, and the server passes it on to all. How long
// until the last has it, and what each copy costs. What does not arrive within the patience is asked for again.
#include "load.h"
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct run {
  const struct plan *plan;
  int poll, *fds;
  uint32_t *seen;   // the number of the last message that each has got
  uint32_t number;
  char *text, *buffer;
};

// Tells the server that there is somebody: one byte, which it only remembers.
static void say_hello(const struct run *run) {
  for (int i = 0; i < run->plan->connections; i++) {
    if (send(run->fds[i], "h", 1, 0) < 0 && errno != ECONNREFUSED) give_up("send");
  }
}

// Sends one message; gives how many got it within `patience` milliseconds after the last one that did.
static int tell_everybody(struct run *run, int patience) {
  const struct plan *p = run->plan;
  uint32_t number = ++run->number;
  memcpy(run->text, &number, sizeof number);
  if (send(run->fds[0], run->text, (size_t)p->size, 0) != p->size) give_up("send");
  struct epoll_event events[512];
  int got = 0;
  while (got < p->connections) {
    int ready = epoll_wait(run->poll, events, 512, patience);
    if (ready < 0 && errno != EINTR) give_up("epoll_wait");
    if (ready == 0) break;
    for (int i = 0; i < ready; i++) {
      uint32_t index = events[i].data.u32, told;
      if (recv(run->fds[index], run->buffer, 65536, 0) != p->size) continue;
      memcpy(&told, run->buffer, sizeof told);
      if (told != number || run->seen[index] == number) continue;
      run->seen[index] = number;
      got++;
    }
  }
  return got;
}

void run_tell(const struct plan *p, struct result *r) {
  struct run run = {
    .plan = p, .poll = poll_new(), .fds = zeroed((size_t)p->connections, sizeof(int)),
    .seen = zeroed((size_t)p->connections, sizeof(uint32_t)),
    .text = pattern_new(p->size, 1), .buffer = zeroed(65536, 1),
  };
  for (int i = 0; i < p->connections; i++) {
    run.fds[i] = connect_udp(p);
    poll_add(run.poll, run.fds[i], EPOLLIN, (uint32_t)i);
  }
  // The server may have lost some of so many at once: say it until it knows all.
  int tries = 0;
  do {
    errno = ETIMEDOUT;
    if (++tries == 50) give_up("the broadcast does not reach everybody");
    say_hello(&run);
  } while (tell_everybody(&run, 200) < p->connections);
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
    int got = tell_everybody(&run, 200);
    if (close_at == UINT64_MAX) continue;
    histogram_add(&r->latency, now_nanos() - begun);
    r->messages += (uint64_t)got;
    r->lost += (uint64_t)(p->connections - got);
  }
  window_close(&r->window, p);
  r->bytes = r->messages * (uint64_t)p->size;
}
