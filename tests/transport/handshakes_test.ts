import { assertEquals, assertRejects } from "@std/assert";
import { type HandshakeOptions, Handshakes, type Source } from "../../src/transport/handshakes.ts";
import { microtasksDrained, VirtualClock } from "../../testing/mod.ts";

/** Accepts what it is given, when it is given. */
class ScriptedSource implements Source<string> {
  readonly items: string[] = [];
  readonly putBacks: string[] = [];
  accepts = 0;
  isClosed = false;
  failure: Error | undefined;
  #wake = Promise.withResolvers<void>();

  give(...items: string[]): void {
    this.items.push(...items);
    this.wake();
  }

  wake(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  async accept(): Promise<string | undefined> {
    this.accepts++;
    for (;;) {
      if (this.isClosed) return undefined;
      if (this.failure !== undefined) throw this.failure;
      if (this.items.length > 0) return this.items.shift();
      await this.#wake.promise;
    }
  }

  putBack(item: string): void {
    this.putBacks.push(item);
  }

  close(): Promise<number> {
    this.isClosed = true;
    this.wake();
    return Promise.resolve(10);
  }
}

/** Handshakes that end when the test says so. */
function scripted(options: Partial<HandshakeOptions<string>> = {}) {
  const source = new ScriptedSource();
  const clock = new VirtualClock();
  const log: string[] = [];
  const shakes = new Map<string, PromiseWithResolvers<string>>();
  const handshakes = new Handshakes(source, {
    clock,
    maxHandshakes: 2,
    shake(item, signal) {
      const shake = Promise.withResolvers<string>();
      shakes.set(item, shake);
      signal.addEventListener("abort", () => shake.reject(signal.reason));
      return shake.promise;
    },
    discard: (item) => void log.push(`discarded ${item}`),
    onFailed: (error, item) => void log.push(`${item}: ${error.code ?? error.message}`),
    ...options,
  });
  return {
    source,
    clock,
    log,
    handshakes,
    agree: (item: string) => shakes.get(item)!.resolve(`secure ${item}`),
    refuse: (item: string) => shakes.get(item)!.reject(new Error("refused")),
  };
}

Deno.test("Handshakes gives those who agree, in that order, and is not held up by the others", async () => {
  const { source, log, handshakes, agree, refuse } = scripted({ maxHandshakes: 10 });
  source.give("slow", "bad", "good");
  const accepting = handshakes.accept();
  await microtasksDrained();
  assertEquals(handshakes.counts, { underWay: 3, completed: 0, failed: 0 });
  refuse("bad");
  agree("good");
  assertEquals(await accepting, "secure good");
  agree("slow");
  await microtasksDrained();
  assertEquals(await handshakes.accept(), "secure slow");
  assertEquals(handshakes.counts, { underWay: 0, completed: 2, failed: 1 });
  assertEquals(log, ["bad: refused"]);
  await handshakes.close();
});

Deno.test("Handshakes accepts nothing while nobody waits, and gives back what comes then", async () => {
  const { source, handshakes, agree } = scripted({ maxHandshakes: 10 });
  await microtasksDrained();
  assertEquals(source.accepts, 0);
  source.give("first");
  const accepting = handshakes.accept();
  await microtasksDrained();
  agree("first");
  assertEquals(await accepting, "secure first");
  source.give("second");
  await microtasksDrained();
  assertEquals(source.putBacks, ["second"]);
  await handshakes.close();
});

Deno.test("Handshakes limits those under way: a rush waits, who takes a second makes room", async () => {
  const { source, clock, log, handshakes, agree } = scripted();
  source.give("a", "b", "c", "d");
  const accepting = handshakes.accept();
  await microtasksDrained();
  // The third waits for room, accepted already.
  assertEquals([handshakes.counts.underWay, source.items.length], [2, 1]);
  agree("b");
  assertEquals(await accepting, "secure b");
  const next = handshakes.accept();
  await microtasksDrained();
  assertEquals([handshakes.counts.underWay, source.items.length, log], [2, 0, []]);
  await clock.advance(1_000);
  assertEquals([handshakes.counts.underWay, log], [2, ["a: limit"]]);
  // Nobody else waits for room: who is slow may go on.
  await clock.advance(5_000);
  assertEquals(log, ["a: limit"]);
  agree("d");
  assertEquals(await next, "secure d");
  await handshakes.close();
});

Deno.test("Handshakes gives up the oldest, whoever has left before, and counts it no more at once", async () => {
  const agrees = new Map<string, (item: string) => void>();
  const given: string[] = [];
  const { source, clock, handshakes } = scripted({
    maxHandshakes: 3,
    // One that does not end when it is given up.
    shake: (item, signal) => {
      signal.addEventListener("abort", () => given.push(item));
      return new Promise((resolve) => agrees.set(item, resolve));
    },
  });
  const accepting = handshakes.accept();
  for (const item of ["a", "b", "c"]) {
    source.give(item);
    await clock.advance(100);
  }
  agrees.get("a")!("a");
  assertEquals(await accepting, "a");
  const next = handshakes.accept();
  source.give("d", "e");
  await clock.advance(799);
  assertEquals(given, []);
  await clock.advance(1);
  assertEquals([given, handshakes.counts.underWay, agrees.has("e")], [["b"], 3, true]);
  agrees.get("b")!("b");
  assertEquals(await next, "b");
  assertEquals(handshakes.counts.underWay, 3);
  await handshakes.close();
});

Deno.test("Handshakes.close() gives up what is under way, discards what was agreed, and counts both", async () => {
  const { source, log, handshakes, agree } = scripted();
  source.give("a", "b");
  const accepting = handshakes.accept();
  await microtasksDrained();
  agree("a");
  await accepting;
  handshakes.putBack("secure a");
  assertEquals(await handshakes.close(), 12);
  assertEquals(log, ["discarded secure a"]);
  assertEquals(await handshakes.accept(), undefined);
  handshakes.putBack("late");
  assertEquals(log, ["discarded secure a", "discarded late"]);
  assertEquals(await handshakes.close(), 0);
});

Deno.test("Handshakes.close() ends who waits", async () => {
  const { handshakes } = scripted();
  const accepting = handshakes.accept();
  await handshakes.close();
  assertEquals(await accepting, undefined);
});

Deno.test("Handshakes passes on what ends accepting for good", async () => {
  const { source, handshakes } = scripted();
  source.failure = new Error("gone");
  await assertRejects(() => handshakes.accept(), Error, "gone");
  await assertRejects(() => handshakes.accept(), Error, "gone");
});
