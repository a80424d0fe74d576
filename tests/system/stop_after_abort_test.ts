// A stop waits for the call that is under way for a connection, whatever has ended that meanwhile; also where the
// program itself has aborted it.

import { assertEquals } from "@std/assert";
import {
  type Caller,
  Client,
  framedService,
  Group,
  LineCodec,
  Listener,
  relay,
} from "../../mod.ts";
import type { SimulatedNetwork } from "../../testing/mod.ts";
import { calmly } from "../support/simulated_server.ts";

/** Works for one connection. */
type Work = (caller: Caller) => Promise<void>;
/** What the callbacks note. */
type Note = (what: string) => void;

const lines = new LineCodec();

const HOSTS: Record<string, (listener: Listener, work: Work, note: Note) => void> = {
  onConnect: (listener, onConnect, note) =>
    listener.attach({ onConnect, onError() {}, onClose: () => note("onClose") }),
  onBytes: (listener, onBytes, note) =>
    listener.attach({ onBytes, onError() {}, onClose: () => note("onClose") }),
  onReadReady: (listener, work, note) =>
    listener.attach({
      async onReadReady(caller) {
        const [, length] = await caller.read();
        if (length > 0) await work(caller);
      },
      onError() {},
      onClose: () => note("onClose"),
    }),
  "a handler": (listener, work, note) =>
    void listener.serve(work, { onError() {}, onClose: () => note("onClose") }),
  framedService: (listener, work, note) =>
    listener.attach(framedService(lines, {
      onMessage: ({ connection }) => work(connection),
      onError() {},
      onClose: () => note("onClose"),
    })),
  onStop: (listener, work, note) =>
    listener.attach({ onBytes() {}, onStop: work, onError() {}, onClose: () => note("onClose") }),
};

/** What a program does to a connection while it works for it. */
const ENDS: Record<string, (caller: Caller, net: SimulatedNetwork) => unknown> = {
  "abort()": (caller) => caller.abort("rude client"),
  "close() with a signal": (caller) => void caller.close({ signal: AbortSignal.abort() }),
  "a group": (caller) => {
    const group = new Group({ slow: "close" });
    group.add(caller);
    while (group.size > 0) void group.send("x".repeat(10_000_000));
  },
  "a timeout": (caller) => {
    caller.idleTimeoutInMillis = 1;
  },
  "a relay": async (caller, net) => {
    const network = net.host("server");
    const other = await Client.connect({ host: "server", port: 80, network });
    await relay(caller, other, { signal: AbortSignal.abort() });
  },
};

interface Trial {
  readonly net: SimulatedNetwork;
  readonly listener: Listener;
  readonly log: string[];
  /** Begins another call. */
  dial(): Promise<Client>;
}

/** A listener whose calls take a second after an end of theirs. */
async function trial(
  host: string,
  end: (caller: Caller, net: SimulatedNetwork) => unknown,
  test: (trial: Trial) => Promise<void>,
): Promise<void> {
  await calmly(async (net) => {
    const log: string[] = [];
    const listener = new Listener(80, {
      network: net.host("server"),
      onEvent: ({ kind }) => void (kind === "ended" && log.push(kind)),
    });
    let isFirst = true;
    const work: Work = async (caller) => {
      // A relay has a connection of its own to the same listener.
      if (!isFirst) return caller.abort();
      isFirst = false;
      log.push("begun");
      await end(caller, net);
      await net.delay(1_000);
      log.push("done");
    };
    HOSTS[host]!(listener, work, (what) => log.push(what));
    await listener.start();
    const dial = async () => {
      const client = await Client.connect({
        host: "server",
        port: 80,
        network: net.host("client"),
      });
      await client.write("x\n");
      return client;
    };
    await test({ net, listener, log, dial });
    await listener.immediateStop();
  });
}

for (const host of Object.keys(HOSTS)) {
  for (const [name, end] of Object.entries(ENDS)) {
    // Last words end by themselves.
    const isStopping = host === "onStop";
    if (isStopping && name === "a relay") continue;
    const begin = async ({ net, listener, dial }: Trial) => {
      const client = await dial();
      await net.delay(100);
      const first = isStopping ? listener.gracefulStop({ deadlineInMillis: Infinity }) : undefined;
      await net.delay(100);
      return { client, first };
    };

    Deno.test(`A stop waits for ${host} after ${name}`, async () => {
      await trial(host, end, async (it) => {
        const { client } = await begin(it);
        const { completed, cut } = await it.listener.gracefulStop({ deadlineInMillis: 5_000 });
        const log = it.log.filter((what) => what !== "ended");
        assertEquals([log.includes("done"), log.includes("onClose"), cut], [true, true, []]);
        assertEquals(completed >= 1, true);
        client.abort();
      });
    });

    Deno.test(`A stop names ${host} after ${name} at its deadline, and cuts it at once if hurried`, async () => {
      for (const isHurried of [false, true]) {
        await trial(host, end, async (it) => {
          const { client, first } = await begin(it);
          const options = { deadlineInMillis: 300 };
          const signal = isHurried ? { signal: AbortSignal.abort() } : {};
          const { cut } = await it.listener.gracefulStop({ ...options, ...signal });
          assertEquals(it.log.includes("done"), false);
          const reason = isHurried ? "hurried" : "deadline";
          assertEquals(cut.map((each) => each.reason), [reason]);
          await first;
          // It holds no later stop, and its end counts for none.
          await it.listener.start();
          const { completed, cut: later } = await it.listener.gracefulStop();
          assertEquals([completed, later, it.log.includes("done")], [0, [], false]);
          await it.net.delay(2_000);
          assertEquals(it.log.filter((what) => what === "onClose").length >= 1, true);
          client.abort();
        });
      }
    });
  }
}

Deno.test("A connection that is aborted leaves its listener at once, while its call goes on", async () => {
  await trial("onBytes", ENDS["abort()"]!, async ({ net, listener, log, dial }) => {
    const client = await dial();
    await net.delay(100);
    assertEquals([log, listener.connections.size, listener.stats().open], [
      ["begun", "ended"],
      0,
      0,
    ]);
    client.abort();
  });
});
