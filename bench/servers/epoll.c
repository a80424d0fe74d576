// C and epoll, one thread: the limit that no runtime can be expected to pass.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 256 * 1024, LINE = 4096, MOST = 65536, EVENTS = 512 };

// What a connection could not send yet; while there is some, nothing is read from it.
struct conn {
  char *waiting;
  size_t length, sent;
  char *part;        // a line without its end so far
  size_t part_length;
  int place;         // in everybody
};
static struct conn *conns[MOST];
static int everybody[MOST], everybody_count;
static int poll_fd;
static char buffer[BUFFER], lines[BUFFER + LINE];
enum role { ECHO, LINES, BROADCAST } role;

static void watch(int fd, int operation, uint32_t what) {
  struct epoll_event event = {.events = what, .data.fd = fd};
  epoll_ctl(poll_fd, operation, fd, &event);
}

static void end(int fd) {
  struct conn *c = conns[fd];
  int last = everybody[--everybody_count];
  everybody[c->place] = last;
  conns[last]->place = c->place;
  free(c->waiting);
  free(c->part);
  free(c);
  conns[fd] = NULL;
  close(fd);
}

static void send_or_keep(int fd, const char *bytes, size_t length) {
  struct conn *c = conns[fd];
  ssize_t n = c->waiting ? 0 : send(fd, bytes, length, MSG_NOSIGNAL);
  if (n < 0) n = errno == EAGAIN ? 0 : (ssize_t)length;
  if ((size_t)n == length) return;
  size_t left = c->length - c->sent, more = length - (size_t)n;
  char *waiting = malloc(left + more);
  if (left > 0) memcpy(waiting, c->waiting + c->sent, left);
  memcpy(waiting + left, bytes + n, more);
  free(c->waiting);
  c->waiting = waiting;
  c->length = left + more;
  c->sent = 0;
  watch(fd, EPOLL_CTL_MOD, EPOLLOUT);
}

static void send_kept(int fd) {
  struct conn *c = conns[fd];
  ssize_t n = send(fd, c->waiting + c->sent, c->length - c->sent, MSG_NOSIGNAL);
  if (n < 0) return;
  c->sent += (size_t)n;
  if (c->sent < c->length) return;
  free(c->waiting);
  c->waiting = NULL;
  c->length = c->sent = 0;
  watch(fd, EPOLL_CTL_MOD, EPOLLIN);
}

// Finds each line and answers it; the answers go out together.
static void answer_lines(int fd, size_t length) {
  struct conn *c = conns[fd];
  size_t out = 0;
  char *at = buffer, *stop = buffer + length, *newline;
  while ((newline = memchr(at, '\n', (size_t)(stop - at))) != NULL) {
    if (c->part_length > 0) memcpy(lines + out, c->part, c->part_length);
    out += c->part_length;
    c->part_length = 0;
    memcpy(lines + out, at, (size_t)(newline + 1 - at));
    out += (size_t)(newline + 1 - at);
    at = newline + 1;
  }
  size_t rest = (size_t)(stop - at);
  if (c->part_length + rest > LINE) exit(1);
  if (rest > 0 && c->part == NULL) c->part = malloc(LINE);
  if (rest > 0) memcpy(c->part + c->part_length, at, rest);
  c->part_length += rest;
  if (out > 0) send_or_keep(fd, lines, out);
}

static void serve(int fd, uint32_t what) {
  if (what & EPOLLOUT) send_kept(fd);
  if (!(what & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  ssize_t n = recv(fd, buffer, BUFFER, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) return end(fd);
  if (role == ECHO) send_or_keep(fd, buffer, (size_t)n);
  else if (role == LINES) answer_lines(fd, (size_t)n);
  else for (int i = 0; i < everybody_count; i++) send_or_keep(everybody[i], buffer, (size_t)n);
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    conns[fd] = calloc(1, sizeof(struct conn));
    conns[fd]->place = everybody_count;
    everybody[everybody_count++] = fd;
    watch(fd, EPOLL_CTL_ADD, EPOLLIN);
  }
}

static void answer_datagrams(int fd) {
  struct sockaddr_in from;
  socklen_t length = sizeof from;
  ssize_t n;
  while ((n = recvfrom(fd, buffer, 65536, 0, (struct sockaddr *)&from, &length)) >= 0) {
    sendto(fd, buffer, (size_t)n, 0, (struct sockaddr *)&from, length);
  }
}

// Passes on to everybody who has said hello with one byte; 64 copies with each call.
static void tell_peers(int fd) {
  static struct sockaddr_in peers[4096];
  static int count;
  struct sockaddr_in from;
  socklen_t length = sizeof from;
  ssize_t n;
  while ((n = recvfrom(fd, buffer, 65536, 0, (struct sockaddr *)&from, &length)) >= 0) {
    if (n == 1) {
      int known = 0;
      for (int i = 0; i < count && !known; i++) known = peers[i].sin_port == from.sin_port;
      if (!known && count < 4096) peers[count++] = from;
      continue;
    }
    struct iovec part = {buffer, (size_t)n};
    struct mmsghdr copies[64] = {0};
    for (int sent = 0; sent < count;) {
      int some = count - sent < 64 ? count - sent : 64;
      for (int i = 0; i < some; i++) {
        copies[i].msg_hdr = (struct msghdr){
          .msg_name = &peers[sent + i], .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1,
        };
      }
      int done = sendmmsg(fd, copies, (unsigned)some, 0);
      sent += done > 0 ? done : 1;
    }
  }
}

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "echo";
  int tells = !strcmp(name, "tell"), datagrams = tells || !strcmp(name, "datagrams");
  if (!strcmp(name, "lines")) role = LINES;
  if (!strcmp(name, "broadcast")) role = BROADCAST;
  int type = (datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  int listener = socket(AF_INET, type, 0);
  struct sockaddr_in here = {.sin_family = AF_INET};
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof here;
  if (bind(listener, (struct sockaddr *)&here, length)) return 1;
  if (!datagrams && listen(listener, 4096)) return 1;
  getsockname(listener, (struct sockaddr *)&here, &length);
  printf("{\"port\":%d}\n", ntohs(here.sin_port));
  fflush(stdout);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  watch(0, EPOLL_CTL_ADD, EPOLLIN);
  watch(listener, EPOLL_CTL_ADD, EPOLLIN);
  struct epoll_event events[EVENTS];
  for (;;) {
    int ready = epoll_wait(poll_fd, events, EVENTS, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == 0) {
        // Its parent is gone.
        if (read(0, buffer, BUFFER) == 0) return 0;
      } else if (fd != listener) serve(fd, events[i].events);
      else if (tells) tell_peers(listener);
      else if (datagrams) answer_datagrams(listener);
      else accept_all(listener);
    }
  }
}
