import { assert, assertEquals } from "@std/assert";
import { registeredInstruments, type Source } from "../../src/events/instruments.ts";
import { allMetrics } from "../../src/events/metrics.ts";
import { registerFakeOtel } from "../support/fake_otel.ts";

const at = (address: string) => ({ "server.address": address });

function source(address: string, numbers: { accepted: number; open: number }): Source {
  return {
    attributes: at(address),
    measure(observe) {
      observe("socket.server.accepted_connections", numbers.accepted);
      observe("socket.server.active_connections", numbers.open);
    },
  };
}

Deno.test("registeredInstruments() are made once for an API, each metric once", () => {
  assertEquals(registeredInstruments(), undefined);
  using otel = registerFakeOtel();
  const instruments = registeredInstruments();
  assert(instruments !== undefined && registeredInstruments() === instruments);
  assertEquals(otel.instruments, allMetrics().map(([name]) => name));
  instruments.record("socket.client.dial.duration", 1_500, at("a"));
  assertEquals(otel.recorded, [["socket.client.dial.duration", 1.5, at("a")]]);
});

Deno.test("Instruments adds up sources with the same attributes, and keeps the sums of those that are gone", () => {
  using otel = registerFakeOtel();
  const instruments = registeredInstruments()!;
  const [one, two] = [{ accepted: 3, open: 2 }, { accepted: 10, open: 5 }];
  const [first, second] = [source("a", one), source("a", two)];
  // What it had before does not count.
  instruments.addSource(first);
  instruments.addSource(first);
  one.accepted = 7;
  instruments.addSource(second);
  two.accepted = 11;
  const accepted = 'socket.server.accepted_connections {"server.address":"a"}';
  const active = 'socket.server.active_connections {"server.address":"a"}';
  assertEquals(otel.collect(), { [accepted]: 5, [active]: 7 });
  instruments.removeSource(first);
  instruments.removeSource(first);
  assertEquals(otel.collect(), { [accepted]: 5, [active]: 5 });
  // Begun again, it is counted on.
  instruments.addSource(first);
  one.accepted = 8;
  assertEquals(otel.collect(), { [accepted]: 6, [active]: 7 });
  instruments.removeSource(second);
  instruments.removeSource(first);
  // What is open no more is told, or it would seem to be open for ever.
  assertEquals(otel.collect(), { [accepted]: 6, [active]: 0 });
});

Deno.test("Instruments keeps a bounded number of sums, and loses none", () => {
  using otel = registerFakeOtel();
  const instruments = registeredInstruments()!;
  for (let i = 0; i < 5_000; i++) {
    const numbers = { accepted: 0, open: 0 };
    const made = source(`${i}.example`, numbers);
    instruments.addSource(made);
    numbers.accepted = 1;
    instruments.removeSource(made);
  }
  const values = otel.collect();
  assertEquals(Object.keys(values).length, 2_002);
  assertEquals(Object.values(values).reduce((sum, value) => sum + value), 5_000);
  const overflow = 'socket.server.accepted_connections {"otel.metric.overflow":true}';
  assertEquals(values[overflow], 4_000);
});

Deno.test("Instruments does what it can with an API that lacks parts", () => {
  using otel = registerFakeOtel("metrics", "trace", "context");
  const instruments = registeredInstruments()!;
  instruments.record("socket.client.dial.duration", 1, {});
  instruments.addSource(source("a", { accepted: 1, open: 1 }));
  assertEquals([otel.collect(), instruments.tracer], [{}, undefined]);
});
