// Sockets on the loopback that do not block, the poll over them, and the text that they send.
#include "load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

_Noreturn void give_up(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

void *zeroed(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  if (memory == NULL) give_up("no memory");
  return memory;
}

static struct sockaddr_in loopback(int port, int last) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(0x7f000000u | (uint32_t)last);
  return address;
}

static void stop_blocking(int fd) {
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)) give_up("fcntl");
}

int connect_tcp(const struct plan *p, int lane, bool wait) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  if (fd < 0) give_up("socket");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  struct sockaddr_in here = loopback(0, 1 + lane % 16), there = loopback(p->port, 1);
  if (bind(fd, (struct sockaddr *)&here, sizeof here)) give_up("bind");
  if (!wait) stop_blocking(fd);
  if (connect(fd, (struct sockaddr *)&there, sizeof there) && errno != EINPROGRESS) {
    give_up("connect");
  }
  if (wait) stop_blocking(fd);
  return fd;
}

int connect_udp(const struct plan *p) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in there = loopback(p->port, 1);
  if (fd < 0 || connect(fd, (struct sockaddr *)&there, sizeof there)) give_up("connect");
  stop_blocking(fd);
  return fd;
}

int poll_new(void) {
  int poll = epoll_create1(EPOLL_CLOEXEC);
  if (poll < 0) give_up("epoll_create1");
  return poll;
}

void poll_add(int poll, int fd, uint32_t events, uint32_t index) {
  struct epoll_event event = {.events = events, .data.u32 = index};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event)) give_up("epoll_ctl");
}

void poll_change(int poll, int fd, uint32_t events, uint32_t index) {
  struct epoll_event event = {.events = events, .data.u32 = index};
  if (epoll_ctl(poll, EPOLL_CTL_MOD, fd, &event)) give_up("epoll_ctl");
}

char *pattern_new(int size, int repeats) {
  char *text = zeroed((size_t)size, (size_t)repeats);
  for (int i = 0; i < repeats; i++) {
    char *message = text + (size_t)i * (size_t)size;
    for (int j = 0; j < size; j++) message[j] = (char)('a' + (j + j / 26) % 26);
    message[size - 1] = '\n';
  }
  return text;
}
