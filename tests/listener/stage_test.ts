import { assertEquals } from "@std/assert";
import { Stage, type StageWork } from "../../src/listener/stage.ts";
import { VirtualClock } from "../../testing/mod.ts";
import { LateClock } from "../support/late_clock.ts";

interface Visit {
  readonly done: PromiseWithResolvers<string | undefined>;
  readonly onWord: () => void;
}

/** A stage at which the test says what happens. */
function scripted(limit: number, clock = new VirtualClock()) {
  const log: string[] = [];
  const visits = new Map<string, Visit>();
  const work: StageWork<string> = {
    limit,
    concerns: (item) => item !== "unconcerned",
    pass(item, signal, onWord) {
      const done = Promise.withResolvers<string | undefined>();
      visits.set(item, { done, onWord });
      signal.addEventListener("abort", () => done.reject(signal.reason));
      return done.promise;
    },
    onFailed: (error, item) =>
      void log.push(`${item}: ${(error as { code?: string }).code ?? error}`),
  };
  const stage = new Stage(work, clock);
  const enter = async (item: string) => {
    const outcome = await stage.pass(await stage.place(), item);
    const told = typeof outcome === "string" ? outcome : `passed ${outcome.passed}`;
    log.push(`${item} ${told}`);
  };
  return {
    stage,
    clock,
    log,
    enter: (...items: string[]) => items.forEach((item) => void enter(item)),
    speak: (item: string) => visits.get(item)!.onWord(),
    end: (item: string, how: string | undefined | Error) => {
      const { done } = visits.get(item)!;
      if (how instanceof Error) done.reject(how);
      else done.resolve(how);
    },
    here: () => [...visits.keys()],
  };
}

Deno.test("Stage takes many through at a time, and tells of each who failed", async () => {
  const { stage, clock, log, enter, end } = scripted(10);
  enter("slow", "bad", "good", "refused");
  await clock.settle();
  assertEquals(stage.counts, { underWay: 4, peak: 4, completed: 0, failed: 0 });
  end("bad", new Error("nonsense"));
  end("good", "better");
  end("refused", undefined);
  await clock.settle();
  assertEquals(
    log,
    [
      "bad: Error: nonsense",
      "good passed better",
      "bad failed",
      "refused failed",
    ].toSorted((a, b) => log.indexOf(a) - log.indexOf(b)),
  );
  assertEquals(stage.counts, { underWay: 1, peak: 4, completed: 1, failed: 2 });
  assertEquals([stage.concerns("slow"), stage.concerns("unconcerned")], [true, false]);
});

Deno.test("Stage puts whoever has been silent longest out for another one, a tenth of a second old", async () => {
  const { stage, clock, log, enter, speak, here } = scripted(3);
  enter("a", "b", "c");
  await clock.advance(50);
  speak("a");
  enter("d");
  await clock.advance(49);
  assertEquals([here().includes("d"), log], [false, []]);
  await clock.advance(1);
  assertEquals([here().includes("d"), log], [true, ["b: limit", "b failed"]]);
  assertEquals(stage.counts, { underWay: 3, peak: 3, completed: 0, failed: 1 });
});

Deno.test("Stage makes room at once where somebody was silent for long", async () => {
  const { clock, log, enter, here } = scripted(2);
  enter("a", "b");
  await clock.advance(5_000);
  enter("c", "d");
  await clock.settle();
  assertEquals([here(), clock.pending], [["a", "b", "c", "d"], 0]);
  assertEquals(log.filter((line) => line.endsWith("limit")), ["a: limit", "b: limit"]);
});

Deno.test("Stage hears whoever has spoken while the program was busy before it puts somebody out", async () => {
  const clock = new LateClock();
  const { log, enter, speak, end, here } = scripted(2, clock);
  const look = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    clock.look = promise;
    return async () => {
      clock.look = Promise.resolve();
      resolve();
      await clock.settle();
    };
  };
  enter("a", "b");
  await clock.advance(5_000);
  const looked = look();
  enter("c", "d");
  await clock.settle();
  assertEquals([here(), log], [["a", "b"], []]);
  // What they have said, and what ends it, is found by the look.
  speak("a");
  speak("b");
  await looked();
  assertEquals([here(), log], [["a", "b"], []]);
  await clock.advance(999);
  assertEquals([here(), log], [["a", "b"], []]);
  const again = look();
  await clock.advance(10);
  end("a", "a");
  await again();
  // He who came since is asked first.
  assertEquals([here(), log], [["a", "b", "c"], ["a passed a"]]);
  speak("c");
  await clock.advance(100);
  assertEquals([here(), log], [["a", "b", "c", "d"], ["a passed a", "b: limit", "b failed"]]);
});

Deno.test("Stage does not put out who came while the runtime looked", async () => {
  const clock = new LateClock();
  const { log, enter, end, here } = scripted(1, clock);
  enter("a");
  await clock.advance(200);
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.look = promise;
  enter("b", "c");
  await clock.advance(150);
  end("a", "a");
  await clock.advance(150);
  resolve();
  clock.look = Promise.resolve();
  await clock.settle();
  assertEquals([here(), log], [["a", "b", "c"], ["a passed a", "b: limit", "b failed"]]);
});

Deno.test("Stage lets a rush of those who speak wait, and puts out who takes a second", async () => {
  const { clock, log, enter, speak, end, here } = scripted(2);
  enter("a", "b");
  await clock.settle();
  speak("b");
  speak("a");
  speak("a");
  await clock.advance(500);
  enter("c", "d");
  await clock.settle();
  assertEquals(here(), ["a", "b"]);
  end("a", "a");
  await clock.settle();
  assertEquals(here(), ["a", "b", "c"]);
  speak("c");
  await clock.advance(500);
  assertEquals([here(), log], [["a", "b", "c", "d"], ["a passed a", "b: limit", "b failed"]]);
});

Deno.test("Stage gives out as many places as there are, to those who wait, in their order", async () => {
  const { stage, clock, enter, end, here } = scripted(1);
  enter("a", "b", "c");
  await clock.settle();
  assertEquals(here(), ["a"]);
  end("a", "a");
  await clock.settle();
  assertEquals([here(), stage.counts.underWay], [["a", "b"], 1]);
  end("b", "b");
  await clock.settle();
  assertEquals(here(), ["a", "b", "c"]);
  end("c", "c");
  await clock.settle();
  assertEquals([stage.counts, clock.pending], [
    { underWay: 0, peak: 1, completed: 3, failed: 0 },
    0,
  ]);
});

Deno.test("Stage.stop() blames nobody: first who is silent, then all, and lets those go who wait", async () => {
  const { stage, clock, log, enter, speak } = scripted(2);
  enter("silent", "spoken", "waiting");
  await clock.settle();
  speak("spoken");
  stage.stop(new Error("stopped"), "silent");
  await clock.settle();
  assertEquals(log, ["silent stopped"]);
  stage.stop(new Error("stopped"), "all");
  await clock.settle();
  assertEquals(log.toSorted(), ["silent stopped", "spoken stopped", "waiting stopped"]);
  assertEquals([stage.counts, clock.pending], [
    { underWay: 0, peak: 2, completed: 0, failed: 0 },
    0,
  ]);
});
