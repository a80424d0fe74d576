import { setupError } from "../../src/base/setup_error.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Backoff, checkRedial, isFinal } from "../../src/clients/backoff.ts";
import { GenericError } from "../../src/base/errors.ts";
import { ProxyFailure } from "../../src/via/proxy_answer.ts";
import { Random } from "../../testing/random.ts";
import { printedDuring } from "../support/printed_during.ts";

const most = { random: () => 1 - Number.EPSILON };

function delaysOf(backoff: Backoff, count: number): number[] {
  return Array.from({ length: count }, () => {
    backoff.onFailure();
    return Math.round(backoff.nextInMillis());
  });
}

Deno.test("Backoff doubles the longest rest with each failure, up to the longest of all", () => {
  const settings = checkRedial({ redialDelayInMillis: 10, maxRedialDelayInMillis: 50, ...most });
  assertEquals(delaysOf(new Backoff(settings), 5), [10, 20, 40, 50, 50]);
  assertEquals(delaysOf(new Backoff(settings, 2), 6), [10, 10, 20, 20, 40, 40]);
  assertEquals(delaysOf(new Backoff(settings), 2_000).at(-1), 50);
});

Deno.test("Backoff draws from the whole interval", () => {
  const random = new Random(1);
  const backoff = new Backoff(
    checkRedial({ redialDelayInMillis: 1_000, random: () => random.next() }),
  );
  const tenths = Array<number>(10).fill(0);
  for (let i = 0; i < 1_000; i++) tenths[Math.floor(backoff.nextInMillis() / 100)]!++;
  assert(tenths.every((count) => count > 60 && count < 140), String(tenths));
});

Deno.test("Backoff counts a connection that dies at once as a failure", () => {
  const backoff = new Backoff(checkRedial({ stableAfterInMillis: 100, maxAttempts: 3 }));
  backoff.onEnd(99, false);
  backoff.onFailure();
  assertEquals([backoff.failures, backoff.isExhausted], [2, false]);
  backoff.onEnd(100, false);
  assertEquals(backoff.failures, 0);
  for (let i = 0; i < 3; i++) backoff.onEnd(0, false);
  assertEquals(backoff.isExhausted, true);
  backoff.onSuccess();
  assertEquals(backoff.isExhausted, false);
});

Deno.test("Backoff takes no connection that was replaced for a failure, and rests longer all the same", () => {
  const backoff = new Backoff(
    checkRedial({ redialDelayInMillis: 10, stableAfterInMillis: 100, maxAttempts: 1, ...most }),
  );
  const rests = Array.from({ length: 3 }, () => {
    backoff.onEnd(99, true);
    return Math.round(backoff.nextInMillis());
  });
  assertEquals([rests, backoff.failures, backoff.isExhausted], [[10, 20, 40], 0, false]);
  backoff.onEnd(100, true);
  assertEquals(Math.round(backoff.nextInMillis()), 10);
});

Deno.test("Backoff.shuffled() gives every order", () => {
  const random = new Random(2);
  const backoff = new Backoff(checkRedial({ random: () => random.next() }));
  const orders = new Set(Array.from({ length: 100 }, () => backoff.shuffled([1, 2, 3]).join()));
  assertEquals(orders.size, 6);
});

Deno.test("Backoff goes on where the user's random does not", async () => {
  const wrong = [1, -0.1, NaN, "0.5", undefined].map((number) => () => number as number);
  const throwing = () => {
    throw new Error("no luck");
  };
  const rejecting = () => Promise.reject(new Error("no luck")) as unknown as number;
  for (const random of [...wrong, throwing, rejecting]) {
    const backoff = new Backoff(checkRedial({ random }));
    const printed = await printedDuring(() => {
      const delay = backoff.nextInMillis();
      assert(delay >= 0 && delay < 100);
      return Promise.resolve();
    });
    assertEquals(printed.length, 1);
  }
});

Deno.test("checkRedial() says what is wrong", () => {
  const wrong: [object, string][] = [
    [{ redialDelayInMillis: 0 }, "redialDelayInMillis must be an integer from 1"],
    [{ redialDelayInMillis: Infinity }, "redialDelayInMillis must be an integer from 1"],
    [{ redialDelayInMillis: 9, maxRedialDelayInMillis: 8 }, "must be an integer from 9"],
    [{ maxAttempts: 0 }, "maxAttempts must be an integer 1 or more or Infinity"],
    [{ stableAfterInMillis: -1 }, "stableAfterInMillis must be an integer"],
    [{ random: 4 }, "random must be a function"],
  ];
  for (const [config, says] of wrong) assertThrows(() => checkRedial(config), Error, says);
  // A first rest beyond the usual maximum is its own maximum.
  assertEquals(checkRedial({ redialDelayInMillis: 60_000 }).maxRedialDelayInMillis, 60_000);
});

Deno.test("isFinal() tells what another attempt cannot change", () => {
  for (const code of ["denied", "unsupported"] as const) {
    assert(isFinal(new GenericError(code, "")));
  }
  for (const thrown of [new TypeError(), undefined, "text"]) assert(isFinal(thrown));
  assert(!isFinal(new ProxyFailure("denied", "has refused it").told("Cannot connect", "p")));
  const ofSystem = new Deno.errors.PermissionDenied("Permission denied (os error 13)");
  assert(!isFinal(setupError("Cannot connect", ofSystem)));
  const missing = new Deno.errors.NotCapable('Requires net access to "x:1"');
  assert(isFinal(setupError("Cannot connect", missing)));
  for (const code of ["unreachable", "handler", "timed-out", "handshake", "limit"] as const) {
    assert(!isFinal(new GenericError(code, "")));
  }
});

Deno.test("checkRedial() names a delay that is no number, whatever it is", () => {
  for (const delay of [5n, Symbol("odd"), null, "5", {}]) {
    for (const name of ["redialDelayInMillis", "maxRedialDelayInMillis"]) {
      assertThrows(() => checkRedial({ [name]: delay } as object), TypeError, `${name} must be`);
    }
  }
});
