// A stop that begins anywhere between two looks of the runtime at its sockets: what had come by then is answered.
//
// The runtime looks when it has nothing to do, and else every so many turns of its event loop. What comes right
// behind a look is handed out last of all, so a stop begins here in each of the turns behind one. The peer is
// another thread: while it speaks this one stands still, and no turn passes.

import { assert, assertEquals } from "@std/assert";
import {
  type Caller,
  Listener,
  type ListenerConfig,
  type StopReport,
  UdpListener,
} from "../../mod.ts";
import { Authority } from "../support/certificates.ts";
import { waysToServe } from "../support/ways_to_serve.ts";
import { testOnEngines } from "../support/udp_engines.ts";

/** More turns than can lie between two looks. */
const PHASES = 70;
const PATIENCE_IN_MILLIS = 5_000;

/** Says a line when it is told to, and then what was answered, up to the end. */
const PEER = `
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const dial = ({ port, path, caCerts }) =>
  path !== undefined
    ? Deno.connect({ transport: "unix", path })
    : caCerts !== undefined
    ? Deno.connectTls({ hostname: "localhost", port, caCerts })
    : Deno.connect({ hostname: "127.0.0.1", port });
const buffer = new Uint8Array(100);
const listen = async (connection, isOver) => {
  let heard = "";
  try {
    while (!isOver(heard)) {
      const length = await connection.read(buffer);
      if (length === null) break;
      heard += decoder.decode(buffer.subarray(0, length));
    }
  } catch (error) {
    heard += error;
  }
  return heard;
};
let connections = [];
let socket;
const acts = {
  async warm({ target, count }) {
    connections = await Promise.all(Array.from({ length: count }, () => dial(target)));
    for (const connection of connections) {
      await connection.write(encoder.encode("first\\n"));
      await listen(connection, (heard) => heard.endsWith("\\n"));
    }
  },
  async speak() {
    for (const connection of connections) await connection.write(encoder.encode("last\\n"));
  },
  async endSpeech() {
    for (const connection of connections) await connection.closeWrite();
  },
  async speakAndEnd() {
    await acts.speak();
    await acts.endSpeech();
  },
  async comeAndSpeak({ target, count }) {
    connections = await Promise.all(Array.from({ length: count }, () => dial(target)));
    await acts.speak();
  },
  async hear() {
    const heard = await Promise.all(connections.map((connection) => listen(connection, () => false)));
    for (const connection of connections) connection.close();
    return heard;
  },
  bind() {
    socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  },
  async sendDatagram({ target }) {
    await socket.send(encoder.encode("last"), { transport: "udp", hostname: "127.0.0.1", port: target.port });
  },
  end() {
    socket?.close();
    self.close();
  },
};
self.onmessage = async ({ data }) => {
  const result = await acts[data.act](data);
  if (data.done === undefined) return self.postMessage(result);
  Atomics.store(data.done, 0, 1);
};`;

interface Target {
  readonly port: number;
  readonly path?: string;
  readonly caCerts?: readonly string[];
}

interface Order {
  readonly act: string;
  readonly target?: Target;
  readonly count?: number;
}

/** The peer's thread. */
class Peer implements Disposable {
  readonly #worker = new Worker(`data:text/javascript,${encodeURIComponent(PEER)}`, {
    type: "module",
  });

  /** Has it do something, and waits. */
  async do(order: Order): Promise<string[]> {
    const { promise, resolve, reject } = Promise.withResolvers<string[]>();
    this.#worker.onmessage = ({ data }) => resolve(data);
    this.#worker.onerror = ({ message }) => reject(new Error(message));
    this.#worker.postMessage(order);
    return await promise;
  }

  /** Has it do something, and stands still until it has. */
  doNow(order: Order): void {
    const done = new Int32Array(new SharedArrayBuffer(4));
    this.#worker.postMessage({ ...order, done });
    const end = performance.now() + PATIENCE_IN_MILLIS;
    while (Atomics.load(done, 0) === 0) assert(performance.now() < end);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** So many turns behind a look: a timer comes when there was nothing to do. */
async function behindALook(phase: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
  for (let i = 0; i < phase; i++) await turn();
}

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const authority = await Authority.make("phases");
const { cert, key } = await authority.sign({ hosts: ["localhost"] });

/** Each carrier: how to listen, and how to get there. */
const CARRIERS: Record<string, { config(): ListenerConfig; target(listener: Listener): Target }> = {
  TCP: {
    config: () => ({ interface: "127.0.0.1" }),
    target: ({ port }) => ({ port }),
  },
  Unix: {
    config: () => ({ path: `${folder}/${crypto.randomUUID()}` }),
    target: ({ address }) => ({ port: 0, path: address }),
  },
  TLS: {
    config: () => ({ interface: "127.0.0.1", secureSocket: { cert, key } }),
    target: ({ port }) => ({ port, caCerts: [authority.cert] }),
  },
};

/** What was answered to each of several peers, and how the stop went. */
interface Outcome {
  readonly heard: readonly string[];
  readonly report: StopReport;
}

/** Stops in each phase; says in which ones it did not go as it should. */
async function failuresOf(
  stopIn: (phase: number, peer: Peer) => Promise<Outcome>,
  count: number,
): Promise<string[]> {
  using peer = new Peer();
  const failures: string[] = [];
  for (let phase = 0; phase <= PHASES; phase++) {
    const { heard, report: { completed, cut } } = await stopIn(phase, peer);
    if (heard.every((line) => line === "last\n") && completed === count && cut.length === 0) {
      continue;
    }
    failures.push(`${phase}: ${JSON.stringify(heard)}, ${completed} completed, ${cut.length} cut`);
  }
  return failures;
}

for (const [carrier, { config, target }] of Object.entries(CARRIERS)) {
  // A handshake for each of the turns takes its time.
  const ways = Object.entries(waysToServe).slice(0, carrier === "TLS" ? 1 : undefined);
  for (const [way, serve] of ways) {
    Deno.test(`Listener.gracefulStop() answers what came right before it, in any turn, by ${way}, ${carrier}`, async () => {
      const failures = await failuresOf(async (phase, peer) => {
        await using listener = new Listener(0, config());
        await listener.start();
        serve(listener);
        await peer.do({ act: "warm", target: target(listener), count: 2 });
        await behindALook(phase);
        peer.doNow({ act: "speak" });
        const stopped = listener.gracefulStop({ deadlineInMillis: PATIENCE_IN_MILLIS });
        return { heard: await peer.do({ act: "hear" }), report: await stopped };
      }, 2);
      assertEquals(failures, []);
    });
  }
}

/** Each way to answer at the end of the stream what came behind the first line. */
const WAYS_TO_ANSWER_AT_THE_END: Record<string, (listener: Listener) => void | Promise<void>> = {
  "a service": (listener) => {
    const last = new Map<Caller, Uint8Array>();
    listener.attach({
      onBytes(caller, bytes) {
        const isFirst = !last.has(caller);
        last.set(caller, bytes.slice());
        return isFirst ? bytes : undefined;
      },
      onEnd: (caller) => void caller.write(last.get(caller)!),
      onStop: (caller) => void caller.write("bye"),
    });
  },
  "a loop": (listener) =>
    listener.serve(async (caller) => {
      let last: Uint8Array | undefined;
      for await (const bytes of caller) {
        if (last === undefined) await caller.write(bytes);
        last = bytes.slice();
      }
      await caller.write(last!);
    }, { onStop: (caller) => void caller.write("bye") }),
};

for (const [carrier, { config, target }] of Object.entries(CARRIERS)) {
  const ways = Object.entries(WAYS_TO_ANSWER_AT_THE_END).slice(
    0,
    carrier === "TLS" ? 1 : undefined,
  );
  for (const [way, serve] of ways) {
    for (
      const [what, before, after] of [
        ["a request and its half-close", undefined, "speakAndEnd"],
        ["a half-close behind its request", "speak", "endSpeech"],
      ] as const
    ) {
      Deno.test(`Listener.gracefulStop() answers ${what} right before it, in any turn, by ${way}, ${carrier}`, async () => {
        const failures = await failuresOf(async (phase, peer) => {
          await using listener = new Listener(0, config());
          await serve(listener);
          await listener.start();
          await peer.do({ act: "warm", target: target(listener), count: 2 });
          if (before !== undefined) await peer.do({ act: before });
          await behindALook(phase);
          peer.doNow({ act: after });
          const stopped = listener.gracefulStop({ deadlineInMillis: PATIENCE_IN_MILLIS });
          return { heard: await peer.do({ act: "hear" }), report: await stopped };
        }, 2);
        assertEquals(failures, []);
      });
    }
  }
}

for (const [carrier, { config, target }] of Object.entries(CARRIERS)) {
  for (const act of ["speakAndEnd", "endSpeech"]) {
    const what = act === "endSpeech" ? "a half-close" : "a request and its half-close";
    Deno.test(`Listener.gracefulStop() answers ${what} before it that is read in any turn behind it, ${carrier}`, async () => {
      const failures = await failuresOf(async (phase, peer) => {
        const free = Promise.withResolvers<void>();
        await using listener = new Listener(0, config());
        await listener.serve(async (caller) => {
          let heard = "";
          for await (const bytes of caller) {
            heard = new TextDecoder().decode(bytes);
            if (heard !== "first\n") continue;
            await caller.write(bytes);
            await free.promise;
          }
          await caller.write(act === "endSpeech" ? "last\n" : heard);
        }, { onStop: (caller) => void caller.write("bye") });
        await peer.do({ act: "warm", target: target(listener), count: 2 });
        peer.doNow({ act });
        const stopped = listener.gracefulStop({ deadlineInMillis: PATIENCE_IN_MILLIS });
        await behindALook(phase);
        free.resolve();
        return { heard: await peer.do({ act: "hear" }), report: await stopped };
      }, 2);
      assertEquals(failures, []);
    });
  }
}

for (const [carrier, { config, target }] of Object.entries(CARRIERS)) {
  for (const act of ["speak", "speakAndEnd"]) {
    const what = act === "speak" ? "what" : "what, with its half-close,";
    Deno.test(`Listener.gracefulStop() answers ${what} comes while onStop runs, however late in it, ${carrier}`, async () => {
      const failures = await failuresOf(async (phase, peer) => {
        await using listener = new Listener(0, config());
        let last = "";
        listener.attach({
          onBytes(_caller, bytes) {
            last = new TextDecoder().decode(bytes);
            return act === "speak" || last === "first\n" ? bytes : undefined;
          },
          onEnd: (caller) => act === "speak" ? undefined : void caller.write(last),
          async onStop() {
            await behindALook(phase);
            // It is in the system's buffer, and onStop is over.
            peer.doNow({ act });
          },
        });
        await listener.start();
        await peer.do({ act: "warm", target: target(listener), count: 1 });
        const stopped = listener.gracefulStop({ deadlineInMillis: PATIENCE_IN_MILLIS });
        return { heard: await peer.do({ act: "hear" }), report: await stopped };
      }, 1);
      assertEquals(failures, []);
    });
  }
}

for (const carrier of ["TCP", "Unix"]) {
  for (const way of ["a service", "loops over the listener and its callers"]) {
    Deno.test(`Listener.gracefulStop() answers whom the system has kept, in any turn, by ${way}, ${carrier}`, async () => {
      const { config, target } = CARRIERS[carrier]!;
      const failures = await failuresOf(async (phase, peer) => {
        await using listener = new Listener(0, config());
        await listener.start();
        waysToServe[way]!(listener);
        await behindALook(phase);
        peer.doNow({ act: "comeAndSpeak", target: target(listener), count: 3 });
        const stopped = listener.gracefulStop({ deadlineInMillis: PATIENCE_IN_MILLIS });
        return { heard: await peer.do({ act: "hear" }), report: await stopped };
      }, 3);
      assertEquals(failures, []);
    });
  }
}

testOnEngines(
  "UdpListener.gracefulStop() handles what came right before it, in any turn",
  async (network) => {
    using peer = new Peer();
    await peer.do({ act: "bind" });
    const failures: string[] = [];
    for (let phase = 0; phase <= PHASES; phase++) {
      await using listener = new UdpListener(0, { interface: "127.0.0.1", network });
      let handled = 0;
      listener.attach({ onDatagram: () => void handled++ });
      await listener.start();
      await behindALook(phase);
      peer.doNow({ act: "sendDatagram", target: { port: listener.port } });
      const { completed } = await listener.gracefulStop({ deadlineInMillis: PATIENCE_IN_MILLIS });
      if (handled !== 1 || completed !== 1) {
        failures.push(
          `${phase}: ${handled} handled, ${completed} completed`,
        );
      }
    }
    assertEquals(failures, []);
  },
);
