// Echo over UDP: sockets that each keep some datagrams in flight, numbered so that losses and wrong order
// are seen. A datagram that does not come back within the patience counts as lost and is replaced.
#include "load.h"
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { FLIGHT_MOST = 64, LARGEST = 2048 };
static const uint64_t PATIENCE = 500 * 1000000u;

struct peer {
  int fd;
  uint32_t next, floor, highest;   // numbers: of the next one sent, of the first still wanted, highest seen
  int under_way;
  uint64_t counted, last_heard;
  uint64_t stamps[FLIGHT_MOST * 4];
};

struct run {
  const struct plan *plan;
  struct result *result;
  bool measuring;
  char out[FLIGHT_MOST][LARGEST], in[FLIGHT_MOST][LARGEST];
  struct mmsghdr sending[FLIGHT_MOST], receiving[FLIGHT_MOST];
  struct iovec out_parts[FLIGHT_MOST], in_parts[FLIGHT_MOST];
};

static void fill_flight(struct run *run, struct peer *peer, uint64_t now) {
  int count = run->plan->flight - peer->under_way;
  for (int i = 0; i < count; i++) {
    uint32_t number = peer->next++;
    memcpy(run->out[i], &number, sizeof number);
    peer->stamps[number % (FLIGHT_MOST * 4)] = now;
  }
  if (count <= 0) return;
  int sent = sendmmsg(peer->fd, run->sending, (unsigned)count, 0);
  if (sent < 0 && errno != EAGAIN && errno != ECONNREFUSED) give_up("sendmmsg");
  // What the kernel did not take counts as sent all the same: the patience will find it missing.
  peer->under_way += count;
}

static void receive(struct run *run, struct peer *peer, uint64_t now) {
  int count = recvmmsg(peer->fd, run->receiving, (unsigned)run->plan->flight, MSG_DONTWAIT, NULL);
  if (count < 0) {
    if (errno != EAGAIN && errno != ECONNREFUSED) give_up("recvmmsg");
    return;
  }
  for (int i = 0; i < count; i++) {
    uint32_t number;
    memcpy(&number, run->in[i], sizeof number);
    if (run->receiving[i].msg_len != (unsigned)run->plan->size) {
      errno = EMSGSIZE;
      give_up("the echo is not what was sent");
    }
    if (number < peer->floor) continue;
    peer->under_way--;
    peer->last_heard = now;
    bool disordered = number < peer->highest;
    if (!disordered) peer->highest = number;
    if (!run->measuring) continue;
    run->result->disordered += disordered;
    histogram_add(&run->result->latency, now - peer->stamps[number % (FLIGHT_MOST * 4)]);
    peer->counted++;
  }
  fill_flight(run, peer, now);
}

static void replace_lost(struct run *run, struct peer *peer, uint64_t now) {
  if (now < peer->last_heard + PATIENCE) return;
  if (run->measuring) run->result->lost += (uint64_t)peer->under_way;
  peer->under_way = 0;
  peer->floor = peer->next;
  peer->last_heard = now;
  fill_flight(run, peer, now);
}

static void prepare(struct run *run) {
  int size = run->plan->size;
  if (run->plan->flight > FLIGHT_MOST || size > LARGEST || size < 4) {
    errno = EINVAL;
    give_up("datagrams");
  }
  for (int i = 0; i < FLIGHT_MOST; i++) {
    memset(run->out[i], 'u', LARGEST);
    run->out_parts[i] = (struct iovec){run->out[i], (size_t)size};
    run->in_parts[i] = (struct iovec){run->in[i], LARGEST};
    run->sending[i].msg_hdr = (struct msghdr){.msg_iov = &run->out_parts[i], .msg_iovlen = 1};
    run->receiving[i].msg_hdr = (struct msghdr){.msg_iov = &run->in_parts[i], .msg_iovlen = 1};
  }
}

static void settle(struct result *r, const struct peer *peers, int count) {
  r->fewest = UINT64_MAX;
  for (int i = 0; i < count; i++) {
    uint64_t counted = peers[i].counted;
    r->messages += counted;
    if (counted < r->fewest) r->fewest = counted;
    if (counted > r->most) r->most = counted;
  }
}

void run_datagrams(const struct plan *p, struct result *r) {
  static struct run run;
  run.plan = p;
  run.result = r;
  prepare(&run);
  int poll = poll_new();
  struct peer *peers = zeroed((size_t)p->connections, sizeof *peers);
  uint64_t now = now_nanos(), swept = now;
  for (int i = 0; i < p->connections; i++) {
    peers[i].fd = connect_udp(p);
    peers[i].last_heard = now;
    poll_add(poll, peers[i].fd, EPOLLIN, (uint32_t)i);
    fill_flight(&run, &peers[i], now);
  }
  struct warm_up warm_up = warm_up_begin(p);
  uint64_t close_at = UINT64_MAX;
  struct epoll_event events[512];
  while (now < close_at) {
    int ready = epoll_wait(poll, events, 512, 10);
    if (ready < 0 && errno != EINTR) give_up("epoll_wait");
    now = now_nanos();
    for (int i = 0; i < ready; i++) receive(&run, &peers[events[i].data.u32], now_nanos());
    if (now - swept > PATIENCE / 4) {
      for (int i = 0; i < p->connections; i++) replace_lost(&run, &peers[i], now);
      swept = now;
    }
    if (!run.measuring && warm_up_done(&warm_up, p)) {
      window_open(&r->window, p);
      close_at = r->window.opened + (uint64_t)p->time_millis * 1000000u;
      run.measuring = true;
    }
  }
  window_close(&r->window, p);
  settle(r, peers, p->connections);
  r->bytes = r->messages * (uint64_t)p->size;
}
