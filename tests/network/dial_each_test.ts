import { assertEquals, assertRejects } from "@std/assert";
import { dialEach } from "../../src/network/dial_each.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { settled } from "../support/scripted_datagrams.ts";

function dialing(addresses: readonly string[], signal?: AbortSignal) {
  const clock = new VirtualClock();
  const log: string[] = [];
  const attempts = new Map<string, PromiseWithResolvers<string>>();
  const connected = dialEach(addresses, {
    clock,
    signal,
    dial(address, signal) {
      log.push(`dial ${address}`);
      signal.addEventListener("abort", () => log.push(`give up ${address}`));
      const attempt = Promise.withResolvers<string>();
      attempts.set(address, attempt);
      return attempt.promise;
    },
    discard: (late) => log.push(`discard ${late}`),
  });
  return { clock, log, connected, attempt: (address: string) => attempts.get(address)! };
}

Deno.test("dialEach() tries the next address at once when one has failed", async () => {
  const { clock, log, connected, attempt } = dialing(["a", "b", "c"]);
  attempt("a").reject(new Error("refused"));
  await settled();
  attempt("b").resolve("b");
  assertEquals(await connected, "b");
  await clock.advance(1_000);
  assertEquals(log, ["dial a", "dial b", "give up a", "give up b"]);
});

Deno.test("dialEach() tries the next address beside one that does not answer", async () => {
  const { clock, log, connected, attempt } = dialing(["a", "b", "c"]);
  await clock.advance(249);
  assertEquals(log, ["dial a"]);
  await clock.advance(251);
  assertEquals(log, ["dial a", "dial b", "dial c"]);
  attempt("b").reject(new Error("refused"));
  await settled();
  attempt("a").resolve("a");
  assertEquals(await connected, "a");
  // A late answer is discarded.
  attempt("c").resolve("c");
  await settled();
  assertEquals(log.at(-1), "discard c");
});

Deno.test("dialEach() rejects with what failed last", async () => {
  const { clock, log, connected, attempt } = dialing(["a", "b"]);
  await clock.advance(250);
  const failed = assertRejects(() => connected, Error, "a failed");
  attempt("b").reject(new Error("b failed"));
  await settled();
  attempt("a").reject(new Error("a failed"));
  await failed;
  assertEquals(log.slice(0, 2), ["dial a", "dial b"]);
});

Deno.test("dialEach() gives all attempts up with the signal's reason", async () => {
  const controller = new AbortController();
  const { clock, log, connected, attempt } = dialing(["a", "b", "c"], controller.signal);
  await clock.advance(250);
  const failed = assertRejects(() => connected, Error, "changed my mind");
  controller.abort(new Error("changed my mind"));
  await failed;
  attempt("a").reject(new Error("given up"));
  attempt("b").resolve("b");
  await clock.advance(1_000);
  assertEquals(log, ["dial a", "dial b", "give up a", "give up b", "discard b"]);
  const before = dialing(["a"], AbortSignal.abort(new Error("no")));
  await assertRejects(() => before.connected, Error, "no");
  assertEquals(before.log, []);
});
