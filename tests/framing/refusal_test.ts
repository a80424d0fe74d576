import { assertEquals, assertStrictEquals } from "@std/assert";
import { Refusal } from "../../src/framing/refusal.ts";
import { microtasksDrained } from "../../testing/mod.ts";
import { awkwardThings } from "../support/awkward.ts";

/** How often a refusal with that error was reported as unseen. */
async function unseenAfter(error: unknown, use: (refusal: Promise<never>) => unknown) {
  let unseen = 0;
  const used = use(Refusal.of(error, () => void unseen++));
  await microtasksDrained();
  return [unseen, await used] as const;
}

/** Each returns the promise in a list: an async function would look at it. */
const uses: Record<string, (refusal: Promise<never>) => Promise<unknown>> = {
  "await": async (refusal) => {
    try {
      return await refusal;
    } catch (error) {
      return [error];
    }
  },
  "then": (refusal) => refusal.then(() => {}, (error) => [error]),
  "catch": (refusal) => refusal.catch((error) => [error]),
  "Promise.all": (refusal) => Promise.all([refusal]).catch((error) => [error]),
  "Promise.allSettled": async (
    refusal,
  ) => [((await Promise.allSettled([refusal]))[0] as PromiseRejectedResult).reason],
  "the return of an async function": (refusal) =>
    // deno-lint-ignore require-await
    (async () => await (async () => refusal)())().catch((error) => [error]),
};

for (const [name, use] of Object.entries(uses)) {
  Deno.test(`Refusal knows that somebody looks at it: ${name}`, async () => {
    for (const error of awkwardThings()) {
      const [unseen, reason] = await unseenAfter(error, use);
      assertStrictEquals((reason as unknown[])[0], error);
      assertEquals(unseen, 0);
    }
  });
}

Deno.test("Refusal that nobody looks at says so once, and is no unhandled rejection", async () => {
  for (const error of awkwardThings()) {
    assertEquals((await unseenAfter(error, () => {}))[0], 1);
  }
});

Deno.test("Refusal can still be looked at when it was called unseen, and what is made of it is plain", async () => {
  let unseen = 0;
  const refusal = Refusal.of("why", () => void unseen++);
  await microtasksDrained();
  assertEquals(await refusal.catch((reason) => reason), "why");
  assertEquals(refusal.then(() => {}, () => {}).constructor, Promise);
  assertEquals(unseen, 1);
});
