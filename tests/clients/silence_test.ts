import { assertEquals } from "@std/assert";
import { Silence } from "../../src/clients/silence.ts";

function silence() {
  const state = { now: 1_000, arrivals: 0, heldAt: -Infinity };
  const reader = { inflow: state };
  const core = {
    clock: { now: () => state.now },
    reader,
    heldAt: () => state.heldAt,
    readTimeoutInMillis: 100,
  };
  type Core = ConstructorParameters<typeof Silence>[0];
  return { state, core, silence: new Silence(core as unknown as Core) };
}

Deno.test("Silence waits for the rest of the time since something was owed", () => {
  const { state, silence: one } = silence();
  assertEquals(one.options, undefined);
  one.begin();
  state.now += 39.5;
  assertEquals(one.endBy(true), undefined);
  assertEquals(one.options, { timeoutInMillis: 61 });
  state.now += 61;
  const error = one.endBy(true)!;
  assertEquals([error.code, error.message], [
    "timed-out",
    "Connection ended: it owes answers, and nothing came for 100 ms",
  ]);
});

Deno.test("Silence has no end while nothing is owed", () => {
  const { state, silence: one } = silence();
  for (let i = 0; i < 3; i++) {
    state.now += 100;
    assertEquals([one.endBy(false), one.options], [undefined, undefined]);
  }
});

Deno.test("Silence begins anew with each byte, also where a read waits for a rest", () => {
  const { state, silence: one } = silence();
  one.begin();
  state.now += 90;
  assertEquals(one.endBy(true), undefined);
  // A part of a message comes after 5 ms, and 10 ms later the read is over.
  state.now += 15;
  state.arrivals = 3;
  assertEquals(one.endBy(true), undefined);
  assertEquals(one.options, { timeoutInMillis: 90 });
  state.now += 90;
  assertEquals(one.endBy(true)?.code, "timed-out");
});

Deno.test("Silence waits for the whole time again when a message has come", () => {
  const { state, silence: one } = silence();
  one.begin();
  state.now += 90;
  one.endBy(true);
  one.renew();
  assertEquals(one.options, undefined);
  state.now += 100;
  assertEquals(one.endBy(true)?.code, "timed-out");
});

Deno.test("Silence does not count time in which our own pace holds something back", () => {
  const { state, silence: one } = silence();
  one.begin();
  state.now += 100;
  state.heldAt = state.now - 30;
  assertEquals(one.endBy(true), undefined);
  assertEquals(one.options, { timeoutInMillis: 70 });
  state.now += 70;
  assertEquals(one.endBy(true)?.code, "timed-out");
});
