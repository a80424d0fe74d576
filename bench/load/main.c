// Reads the plan from the command line, runs one work against 127.0.0.1 and prints one line of JSON.
#include "load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
  const char *mode;
  void (*run)(const struct plan *, struct result *);
} works[] = {
  {"streams", run_streams},     {"churn", run_churn}, {"broadcast", run_broadcast},
  {"idle", run_idle}, {"datagrams", run_datagrams}, {"tell", run_tell},
};

static void read_option(struct plan *p, const char *name, const char *value) {
  if (!strcmp(name, "--mode")) p->mode = value;
  else if (!strcmp(name, "--port")) p->port = atoi(value);
  else if (!strcmp(name, "--pid")) p->pid = atoi(value);
  else if (!strcmp(name, "--connections")) p->connections = atoi(value);
  else if (!strcmp(name, "--streams")) p->streams = atoi(value);
  else if (!strcmp(name, "--size")) p->size = atoi(value);
  else if (!strcmp(name, "--flight")) p->flight = atoi(value);
  else if (!strcmp(name, "--base")) p->base = atoi(value);
  else if (!strcmp(name, "--warm")) p->warm_millis = atoi(value);
  else if (!strcmp(name, "--time")) p->time_millis = atoi(value);
  else if (!strcmp(name, "--total")) p->total = strtoull(value, NULL, 10);
  else {
    fprintf(stderr, "load: no such option: %s\n", name);
    exit(2);
  }
}

static void print_result(const struct result *r) {
  const struct window *w = &r->window;
  double seconds = (double)(w->closed - w->opened) / 1e9;
  printf("{\"seconds\":%.6f,\"messages\":%llu,\"bytes\":%llu", seconds,
         (unsigned long long)r->messages, (unsigned long long)r->bytes);
  printf(",\"serverCpuNanos\":%llu,\"loadCpuNanos\":%llu", (unsigned long long)w->server_cpu,
         (unsigned long long)w->load_cpu);
  uint64_t ours = w->server_cpu + w->load_cpu;
  printf(",\"otherCpuNanos\":%llu",
         (unsigned long long)(w->machine_cpu > ours ? w->machine_cpu - ours : 0));
  printf(",\"p50Micros\":%.2f,\"p99Micros\":%.2f,\"p999Micros\":%.2f,\"maxMicros\":%.2f",
         histogram_micros(&r->latency, 0.5), histogram_micros(&r->latency, 0.99),
         histogram_micros(&r->latency, 0.999), (double)r->latency.highest / 1e3);
  printf(",\"oldestMicros\":%.2f,\"fewest\":%llu,\"most\":%llu", (double)r->oldest_nanos / 1e3,
         (unsigned long long)r->fewest, (unsigned long long)r->most);
  printf(",\"lost\":%llu,\"disordered\":%llu,\"failed\":%llu,\"held\":%llu}\n",
         (unsigned long long)r->lost, (unsigned long long)r->disordered,
         (unsigned long long)r->failed, (unsigned long long)r->held);
}

int main(int argc, char **argv) {
  struct plan plan = {
    .mode = "streams", .connections = 1, .size = 64, .flight = 1,
    .warm_millis = 300, .time_millis = 1000,
  };
  for (int i = 1; i + 1 < argc; i += 2) read_option(&plan, argv[i], argv[i + 1]);
  // The generator ends whatever a server does, within this limit.
  alarm((unsigned)(plan.warm_millis + plan.time_millis) / 1000 + 120);
  static struct result result;
  for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
    if (strcmp(works[i].mode, plan.mode)) continue;
    works[i].run(&plan, &result);
    print_result(&result);
    return 0;
  }
  fprintf(stderr, "load: no such mode: %s\n", plan.mode);
  return 2;
}
