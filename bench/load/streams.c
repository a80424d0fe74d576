// Echo over TCP: ping-pongs with one or more messages in flight on each connection, bulk streams that send
// as fast as they may, or both beside each other.
#include "load.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { BULK_SIZE = 256 * 1024, EVENTS = 512 };
static const uint64_t VERIFIED_BULK = 16 << 20;

struct stream {
  int fd;
  bool bulk, wants_room;
  uint64_t asked, sent, received;   // bytes: may be sent, were sent, came back
  uint64_t counted;                 // whole messages that came back inside the window
  uint64_t *stamps;                 // when each message in flight was sent
};

struct run {
  const struct plan *plan;
  struct result *result;
  int poll;
  bool measuring, gathering;
  int unheard;                      // connections whose first answer has not come
  char *ping_text, *bulk_text, *buffer;
};

static uint64_t size_of(const struct run *run, const struct stream *s) {
  return s->bulk ? BULK_SIZE : (uint64_t)run->plan->size;
}

static void send_more(struct run *run, struct stream *s, uint32_t index) {
  uint64_t size = size_of(run, s);
  // What may go out at once: the text repeats, so any run of it that starts inside a message will do.
  uint64_t longest = s->bulk ? BULK_SIZE : size * (uint64_t)run->plan->flight;
  const char *text = s->bulk ? run->bulk_text : run->ping_text;
  while (s->sent < s->asked) {
    uint64_t length = s->asked - s->sent;
    if (length > longest) length = longest;
    ssize_t n = send(s->fd, text + s->sent % size, length, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno != EAGAIN) give_up("send");
      break;
    }
    s->sent += (uint64_t)n;
    // A bulk stream lets the others have their turn.
    if (s->bulk) break;
  }
  bool wants_room = s->sent < s->asked;
  if (wants_room == s->wants_room) return;
  s->wants_room = wants_room;
  poll_change(run->poll, s->fd, EPOLLIN | (wants_room ? EPOLLOUT : 0), index);
}

static void verify(struct run *run, const struct stream *s, const char *bytes, uint64_t length) {
  uint64_t size = size_of(run, s), at = 0;
  const char *text = s->bulk ? run->bulk_text : run->ping_text;
  while (at < length) {
    uint64_t offset = (s->received + at) % size, part = size - offset;
    if (part > length - at) part = length - at;
    if (memcmp(bytes + at, text + offset, part)) {
      errno = EILSEQ;
      give_up("the echo is not what was sent");
    }
    at += part;
  }
}

static void answer_came(struct run *run, struct stream *s, uint64_t length, uint64_t now) {
  uint64_t size = size_of(run, s), flight = (uint64_t)run->plan->flight;
  uint64_t before = s->received / size;
  s->received += length;
  if (before == 0 && s->received >= size) run->unheard--;
  if (run->measuring) run->result->bytes += length;
  if (s->bulk) return;
  for (uint64_t i = before; i < s->received / size; i++) {
    uint64_t *stamp = &s->stamps[i % flight];
    if (run->measuring) {
      histogram_add(&run->result->latency, now - *stamp);
      s->counted++;
    }
    *stamp = now;
    if (!run->gathering) s->asked += size;
  }
}

// What is not verified is not copied out of the kernel either (MSG_TRUNC), which leaves the generator the time
// to saturate the server: every echo is compared with what was sent until the measuring begins, and the first
// part of a bulk stream.
static void receive(struct run *run, struct stream *s) {
  bool verified = s->bulk ? s->received < VERIFIED_BULK : !run->measuring;
  ssize_t n = recv(s->fd, run->buffer, BULK_SIZE, verified ? 0 : MSG_TRUNC);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    if (n == 0) errno = EPIPE;
    give_up("the server ended a connection");
  }
  uint64_t length = (uint64_t)n;
  if (verified) verify(run, s, run->buffer, length);
  answer_came(run, s, length, now_nanos());
}

static void settle(struct run *run, const struct stream *streams, int count) {
  struct result *r = run->result;
  r->fewest = UINT64_MAX;
  for (int i = 0; i < count; i++) {
    const struct stream *s = &streams[i];
    if (s->bulk) continue;
    r->messages += s->counted;
    if (s->counted < r->fewest) r->fewest = s->counted;
    if (s->counted > r->most) r->most = s->counted;
    uint64_t first = s->received / (uint64_t)run->plan->size % (uint64_t)run->plan->flight;
    uint64_t waited = r->window.closed - s->stamps[first];
    if (waited > r->oldest_nanos) r->oldest_nanos = waited;
  }
  if (r->fewest == UINT64_MAX) r->fewest = 0;
}

static struct stream *open_streams(struct run *run, int count) {
  const struct plan *p = run->plan;
  struct stream *streams = zeroed((size_t)count, sizeof *streams);
  for (int i = 0; i < count; i++) {
    struct stream *s = &streams[i];
    s->bulk = i >= p->connections;
    s->fd = connect_tcp(p, 0, true);
    s->stamps = zeroed((size_t)p->flight, sizeof *s->stamps);
    s->asked = s->bulk ? 0 : (uint64_t)p->size;
    s->stamps[0] = now_nanos();
    poll_add(run->poll, s->fd, EPOLLIN, (uint32_t)i);
    send_more(run, s, (uint32_t)i);
  }
  return streams;
}

// Serves what is ready, for some milliseconds at most.
static void turn(struct run *run, struct stream *streams) {
  struct epoll_event events[EVENTS];
  int ready = epoll_wait(run->poll, events, EVENTS, 10);
  if (ready < 0 && errno != EINTR) give_up("epoll_wait");
  for (int i = 0; i < ready; i++) {
    uint32_t index = events[i].data.u32;
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(run, &streams[index]);
    send_more(run, &streams[index], index);
  }
}

// Releases the connections that waited for the others' first answers.
static void release(struct run *run, struct stream *streams, int count) {
  const struct plan *p = run->plan;
  run->gathering = false;
  for (int i = 0; i < count; i++) {
    struct stream *s = &streams[i];
    uint64_t size = size_of(run, s), answered = s->received / size;
    for (int j = answered ? 0 : 1; j < p->flight; j++) s->stamps[j] = now_nanos();
    if (!s->bulk) s->asked = (answered + (uint64_t)p->flight) * size;
    else s->asked = p->total ? p->total : UINT64_MAX;
    send_more(run, s, (uint32_t)i);
  }
}

void run_streams(const struct plan *p, struct result *r) {
  struct run run = {
    .plan = p, .result = r, .poll = poll_new(), .buffer = zeroed(1, BULK_SIZE),
    .ping_text = pattern_new(p->size, p->flight + 1), .bulk_text = pattern_new(BULK_SIZE, 2),
    .gathering = true, .unheard = p->connections,
  };
  int count = p->connections + p->streams;
  struct stream *streams = open_streams(&run, count);
  // No connection continues before all were accepted and answered once, or five seconds have passed.
  uint64_t patience = now_nanos() + 5000000000u;
  while (run.unheard > 0 && now_nanos() < patience) turn(&run, streams);
  // A fixed amount is measured from its first byte to its last, without warming up.
  if (p->total == 0) {
    release(&run, streams, count);
    struct warm_up warm_up = warm_up_begin(p);
    while (!warm_up_done(&warm_up, p)) turn(&run, streams);
  }
  window_open(&r->window, p);
  run.measuring = true;
  if (p->total != 0) {
    release(&run, streams, count);
    while (r->bytes < p->total * (uint64_t)p->streams) turn(&run, streams);
  } else {
    uint64_t end = r->window.opened + (uint64_t)p->time_millis * 1000000u;
    while (now_nanos() < end) turn(&run, streams);
  }
  window_close(&r->window, p);
  settle(&run, streams, count);
}
