// The load generator's common ground: what was asked for, time, sockets, and how figures are kept.
#pragma once
#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What the command line asked for; every work reads the part it needs.
struct plan {
  const char *mode;
  int port;
  int pid;             // the server, whose processor time is read; 0 for none
  int connections;
  int streams;         // bulk streams beside the connections
  int size;            // bytes of one message
  int flight;          // messages under way at once on one connection
  int base;            // idle: connections made before the first look at the server's memory
  int warm_millis;
  int time_millis;
  uint64_t total;      // bulk: bytes to echo; 0 for as many as the time allows
};

// Counts of latencies, 64 to each power of two: a figure read from it is within 1.6 % of the true one.
#define HISTOGRAM_SLOTS (64 * 40)
struct histogram {
  uint64_t count;
  uint64_t highest;
  uint32_t slots[HISTOGRAM_SLOTS];
};
void histogram_add(struct histogram *h, uint64_t nanos);
double histogram_micros(const struct histogram *h, double share);

// The measured part of a run: both processes' processor time at its two ends.
struct window {
  uint64_t opened, closed;
  uint64_t server_cpu, load_cpu;
  uint64_t machine_cpu;   // of all processes on all cores, and what the host took away
};
uint64_t now_nanos(void);

// The time before the measuring. A server in JavaScript gets warm by its work, not by time: on a busy machine that
// takes longer, five times as long at most.
struct warm_up {
  uint64_t begun, server_cpu;
};
struct warm_up warm_up_begin(const struct plan *p);
bool warm_up_done(const struct warm_up *w, const struct plan *p);
void window_open(struct window *w, const struct plan *p);
void window_close(struct window *w, const struct plan *p);

// Everything a work may report; what it leaves at zero is not printed.
struct result {
  struct window window;
  struct histogram latency;
  uint64_t messages;
  uint64_t bytes;
  uint64_t fewest, most;
  uint64_t oldest_nanos;   // how long the longest unanswered message had waited at the end
  uint64_t lost, disordered, failed;
  uint64_t held;
};

// Ends the program with a message and the system's reason.
_Noreturn void give_up(const char *what);
void *zeroed(size_t count, size_t size);

// A connected TCP socket that does not block. `lane` spreads the local addresses over 127.0.0.x, so that a
// rush of short connections does not run out of ports.
int connect_tcp(const struct plan *p, int lane, bool wait);
int connect_udp(const struct plan *p);
int poll_new(void);
void poll_add(int poll, int fd, uint32_t events, uint32_t index);
void poll_change(int poll, int fd, uint32_t events, uint32_t index);

// The text that messages are cut from: `size` bytes over and over, each ending in a newline.
char *pattern_new(int size, int repeats);

void run_streams(const struct plan *p, struct result *r);
void run_churn(const struct plan *p, struct result *r);
void run_broadcast(const struct plan *p, struct result *r);
void run_idle(const struct plan *p, struct result *r);
void run_datagrams(const struct plan *p, struct result *r);
void run_tell(const struct plan *p, struct result *r);
