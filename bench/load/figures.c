// Time, processor time and latencies.
#include "load.h"
#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_nanos(clockid_t clock) {
  struct timespec t;
  if (clock_gettime(clock, &t)) return 0;
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t now_nanos(void) { return clock_nanos(CLOCK_MONOTONIC); }

// The clock of another process: user and system time of all its threads, in nanoseconds, ended ones included.
static uint64_t server_nanos(int pid) {
  clockid_t clock;
  if (pid == 0 || clock_getcpuclockid(pid, &clock)) return 0;
  return clock_nanos(clock);
}

// How long all cores were at work, in nanoseconds, to the tick: what neither server nor generator used of it,
// others did, and the figures are the worse for it.
static uint64_t machine_nanos(void) {
  FILE *file = fopen("/proc/stat", "r");
  unsigned long long user = 0, nice = 0, system = 0, idle, wait, hard = 0, soft = 0, stolen = 0;
  if (file == NULL) return 0;
  int n = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &wait,
                 &hard, &soft, &stolen);
  fclose(file);
  if (n != 8) return 0;
  uint64_t ticks = user + nice + system + hard + soft + stolen;
  return ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

struct warm_up warm_up_begin(const struct plan *p) {
  return (struct warm_up){.begun = now_nanos(), .server_cpu = server_nanos(p->pid)};
}

bool warm_up_done(const struct warm_up *w, const struct plan *p) {
  uint64_t wanted = (uint64_t)p->warm_millis * 1000000u, passed = now_nanos() - w->begun;
  if (passed < wanted) return false;
  return passed >= 5 * wanted || p->pid == 0 || server_nanos(p->pid) - w->server_cpu >= wanted / 2;
}

void window_open(struct window *w, const struct plan *p) {
  w->machine_cpu = machine_nanos();
  w->server_cpu = server_nanos(p->pid);
  w->load_cpu = clock_nanos(CLOCK_PROCESS_CPUTIME_ID);
  w->opened = now_nanos();
}

void window_close(struct window *w, const struct plan *p) {
  w->closed = now_nanos();
  w->load_cpu = clock_nanos(CLOCK_PROCESS_CPUTIME_ID) - w->load_cpu;
  w->server_cpu = server_nanos(p->pid) - w->server_cpu;
  w->machine_cpu = machine_nanos() - w->machine_cpu;
}

static unsigned slot_of(uint64_t nanos) {
  if (nanos < 64) return (unsigned)nanos;
  unsigned shift = 63 - (unsigned)__builtin_clzll(nanos) - 6;
  unsigned slot = (shift + 1) * 64 + (unsigned)(nanos >> shift) - 64;
  return slot < HISTOGRAM_SLOTS ? slot : HISTOGRAM_SLOTS - 1;
}

static double middle_of(unsigned slot) {
  if (slot < 64) return slot;
  unsigned shift = slot / 64 - 1;
  return ldexp(64.0 + slot % 64 + 0.5, (int)shift);
}

void histogram_add(struct histogram *h, uint64_t nanos) {
  h->count++;
  h->slots[slot_of(nanos)]++;
  if (nanos > h->highest) h->highest = nanos;
}

double histogram_micros(const struct histogram *h, double share) {
  if (h->count == 0) return 0;
  uint64_t wanted = (uint64_t)ceil(share * (double)h->count), seen = 0;
  for (unsigned slot = 0; slot < HISTOGRAM_SLOTS; slot++) {
    seen += h->slots[slot];
    if (seen >= wanted) return middle_of(slot) / 1e3;
  }
  return (double)h->highest / 1e3;
}
