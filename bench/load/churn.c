// Connect, echo one message, end, and again: what a short connection costs. The generator ends its direction
// first and waits for the server's end, so that the server's closing is part of what is measured.
#include "load.h"
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct slot {
  int fd;
  bool asked;
  int received;
  uint64_t begun;
};

void run_churn(const struct plan *p, struct result *r) {
  int poll = poll_new(), lane = 0;
  char *text = pattern_new(p->size, 1), *buffer = zeroed((size_t)p->size, 1);
  struct slot *slots = zeroed((size_t)p->connections, sizeof *slots);
  for (int i = 0; i < p->connections; i++) {
    slots[i] = (struct slot){.fd = connect_tcp(p, lane++, false), .begun = now_nanos()};
    poll_add(poll, slots[i].fd, EPOLLOUT, (uint32_t)i);
  }
  struct warm_up warm_up = warm_up_begin(p);
  uint64_t close_at = UINT64_MAX;
  struct epoll_event events[256];
  for (;;) {
    int ready = epoll_wait(poll, events, 256, 10);
    if (ready < 0 && errno != EINTR) give_up("epoll_wait");
    uint64_t now = now_nanos();
    for (int i = 0; i < ready; i++) {
      uint32_t index = events[i].data.u32;
      struct slot *s = &slots[index];
      if (!s->asked) {
        if (send(s->fd, text, (size_t)p->size, MSG_NOSIGNAL) == p->size) {
          s->asked = true;
          poll_change(poll, s->fd, EPOLLIN, index);
          continue;
        }
      } else {
        ssize_t n = recv(s->fd, buffer, (size_t)p->size, 0);
        if (n > 0) {
          s->received += (int)n;
          if (s->received >= p->size) shutdown(s->fd, SHUT_WR);
          continue;
        }
      }
      bool whole = s->received == p->size;
      if (close_at != UINT64_MAX) {
        if (whole) histogram_add(&r->latency, now - s->begun);
        r->messages += whole;
        r->failed += !whole;
      }
      close(s->fd);
      *s = (struct slot){.fd = connect_tcp(p, lane++, false), .begun = now};
      poll_add(poll, s->fd, EPOLLOUT, index);
    }
    if (close_at == UINT64_MAX && warm_up_done(&warm_up, p)) {
      window_open(&r->window, p);
      close_at = r->window.opened + (uint64_t)p->time_millis * 1000000u;
    } else if (now >= close_at) {
      break;
    }
  }
  window_close(&r->window, p);
  r->bytes = r->messages * (uint64_t)p->size;
}
