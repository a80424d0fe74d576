// A stop that finds a call waiting for bytes ends reading only: the call may work on what it has read before, and its
// answers still go out.

import { assertEquals } from "@std/assert";
import {
  type Caller,
  Client,
  type ConnectionEnd,
  framed,
  type HandlerCallbacks,
  LineCodec,
  Listener,
  type ListenerConfig,
  relay,
} from "../../mod.ts";

import { coreOf } from "../../src/connection/connection.ts";
import { serviceOf } from "../../src/connection/handler.ts";
import { Authority } from "../support/certificates.ts";
import { dial } from "../support/dial.ts";
import { listening } from "../support/listening.ts";

/** What a program does: it begins to work on each line, and goes on when reading has ended. */
interface Work {
  /** A line was read. */
  onRead(): void;
  /** Reading has ended. */
  onEnd(): void;
  /** Resolves then. */
  readonly ended: Promise<void>;
}

type Way = (caller: Caller, work: Work) => Promise<void>;

const ways: Record<string, Way> = {
  async "messages side by side"(caller, work) {
    const answers: Promise<void>[] = [];
    const answer = async (line: string) => {
      await work.ended;
      await caller.write(`${line}\n`);
    };
    for await (const line of framed(caller, new LineCodec())) {
      answers.push(answer(line));
      work.onRead();
    }
    work.onEnd();
    await Promise.all(answers);
  },
  async "bytes, and an answer to all of them"(caller, work) {
    let text = "";
    const decoder = new TextDecoder();
    for await (const bytes of caller) {
      for (const letter of decoder.decode(bytes)) {
        text += letter;
        if (letter === "\n") work.onRead();
      }
    }
    work.onEnd();
    await caller.write(text);
  },
  async "one read ahead"(caller, work) {
    let next = caller.readLine();
    const ahead: Promise<string | undefined>[] = [];
    const lines: string[] = [];
    for (let i = 0; i < 2; i++) {
      lines.push((await next)!);
      work.onRead();
      next = caller.readLine();
      ahead.push(next);
    }
    await next.catch(() => {});
    work.onEnd();
    for (const line of lines) await caller.write(`${line}\n`);
    await next;
  },
  async "web streams"(caller, work) {
    const counted = new TransformStream<string, string>({
      transform(text, controller) {
        for (const letter of text) if (letter === "\n") work.onRead();
        controller.enqueue(text);
      },
      flush: () => work.onEnd(),
    });
    const late = new TransformStream<string, string>(
      {
        async transform(text, controller) {
          await work.ended;
          controller.enqueue(text);
        },
      },
      undefined,
      { highWaterMark: 10 },
    );
    await caller.readable.pipeThrough(new TextDecoderStream()).pipeThrough(counted)
      .pipeThrough(late).pipeTo(caller.writable);
  },
};

/** Serves in this way, and hears of what it reads. */
function serving(way: Way, callbacks: HandlerCallbacks = {}) {
  const hasRead = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let lines = 0;
  const work: Work = {
    onRead: () => void (++lines === 2 && hasRead.resolve()),
    onEnd: ended.resolve,
    ended: ended.promise,
  };
  const handler = (caller: Caller) => way(caller, work);
  return { service: serviceOf(handler, callbacks), handler, hasRead: hasRead.promise };
}

async function textOf(client: Client): Promise<string> {
  return await new Response(client.readable).text();
}

const authority = await Authority.make("Stop Beside Reads Test CA");
const carriers: Record<string, (folder: string) => Promise<ListenerConfig>> = {
  TCP: () => Promise.resolve({}),
  TLS: async () => ({ secureSocket: await authority.sign({ hosts: ["localhost"] }) }),
  Unix: (folder) => Promise.resolve({ path: `${folder}/socket` }),
};

for (const [name, way] of Object.entries(ways)) {
  Deno.test(`Listener.gracefulStop() sends what a handler answers that has ${name}`, async () => {
    const folder = await Deno.makeTempDir();
    for (const [carrier, config] of Object.entries(carriers)) {
      for (const kind of ["serve", "onConnect"]) {
        const errors: unknown[] = [];
        const ends: ConnectionEnd[] = [];
        const onError = (_: Caller, error: unknown) => void errors.push(error);
        const onClose = (_: Caller, end: ConnectionEnd) => void ends.push(end);
        const { service, handler, hasRead } = serving(way, { onError, onClose });
        const listener = await listening(
          kind === "serve" ? service : { onConnect: handler, onError, onClose },
          await config(folder),
        );
        const client = carrier === "Unix"
          ? await Client.connect({ path: `${folder}/socket` })
          : await dial(
            listener,
            carrier === "TLS"
              ? { secureSocket: { caCerts: [authority.cert], serverName: "localhost" } }
              : {},
          );
        await client.write("one\ntwo\n");
        await hasRead;
        const [report, text] = await Promise.all([listener.gracefulStop(), textOf(client)]);
        assertEquals(text, "one\ntwo\n", `${carrier}, ${kind}`);
        assertEquals(report, { completed: 1, aborted: 0, cut: [] });
        assertEquals([errors, ends.map(({ by }) => by)], [[], ["stop"]]);
        await client.close();
      }
    }
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("A stop that has ended reading aborts the connection's signal, asked for before or after", async () => {
  const served = Promise.withResolvers<unknown[]>();
  const isWaiting = Promise.withResolvers<void>();
  const listener = new Listener(0, { interface: "127.0.0.1" });
  await listener.serve(async (caller) => {
    const before = caller.signal;
    isWaiting.resolve();
    for await (const _ of caller);
    served.resolve([before.aborted, (before.reason as Error).message]);
    await caller.write("still");
  });
  const late = new Listener(0, { interface: "127.0.0.1" });
  await late.serve(async (caller) => {
    for await (const _ of caller);
    await caller.write(`${caller.signal.aborted}`);
  });
  await using client = await dial(listener);
  await using other = await dial(late);
  await isWaiting.promise;
  const [, , ...texts] = await Promise.all([
    listener.gracefulStop(),
    late.gracefulStop(),
    textOf(client),
    textOf(other),
  ]);
  assertEquals(await served.promise, [
    true,
    "The connection has ended: its listener was stopped",
  ]);
  assertEquals(texts, ["still", "true"]);
});

Deno.test("A stop cuts and names a handler that goes on for ever when its reading has ended", async () => {
  const listener = new Listener(0, { interface: "127.0.0.1" });
  const mayReturn = Promise.withResolvers<void>();
  await listener.serve(async (caller) => {
    for await (const _ of caller);
    await mayReturn.promise;
  });
  await using client = await dial(listener);
  const { completed, cut } = await listener.gracefulStop({ deadlineInMillis: 50 });
  assertEquals([completed, cut.map(({ reason }) => reason)], [0, ["deadline"]]);
  assertEquals(cut[0]!.remotePort, client.localPort);
  mayReturn.resolve();
});

Deno.test("A stop closes a connection whose handler ends writing, too, though it goes on", async () => {
  const ends: string[] = [];
  const isFreed = Promise.withResolvers<void>();
  const listener = new Listener(0, { interface: "127.0.0.1" });
  const mayReturn = Promise.withResolvers<void>();
  await listener.serve(async (caller) => {
    for await (const _ of caller);
    await caller.shutdownWrite();
    void coreOf(caller).freed.then(() => isFreed.resolve());
    await mayReturn.promise;
  }, { onClose: (_, { by }) => void ends.push(by) });
  await using client = await dial(listener);
  const stopping = listener.gracefulStop();
  // This is so while the handler is under way.
  assertEquals(await textOf(client), "");
  await isFreed.promise;
  mayReturn.resolve();
  assertEquals([await stopping, ends], [{ completed: 1, aborted: 0, cut: [] }, ["stop"]]);
});

Deno.test("A stop reports what a handler throws of its own after its reading has ended", async () => {
  for (const error of [new Error("mine"), new TypeError("wrong")]) {
    const errors: unknown[] = [];
    const listener = new Listener(0, { interface: "127.0.0.1" });
    await listener.serve(async (caller) => {
      for await (const _ of caller);
      await caller.write("before");
      throw error;
    }, { onError: (_, error) => void errors.push(error) });
    await using client = await dial(listener);
    const [report, text] = await Promise.all([listener.gracefulStop(), textOf(client)]);
    assertEquals([errors, text, report.completed], [[error], "before", 1]);
  }
});

Deno.test("A stop says the last words while a handler waits, and its answers behind them", async () => {
  const { service, hasRead } = serving(ways["messages side by side"]!, {
    onStop: async (caller) => void await caller.write("bye\n"),
  });
  const listener = await listening(service);
  await using client = await dial(listener);
  await client.write("one\ntwo\n");
  await hasRead;
  const [report, text] = await Promise.all([listener.gracefulStop(), textOf(client)]);
  assertEquals([text, report.completed], ["bye\none\ntwo\n", 1]);
});

Deno.test("A stop that has ended reading calls no other method of the service", async () => {
  let calls = 0;
  const listener = await listening({
    async onConnect(caller) {
      await caller.readLine();
    },
    onBytes: () => void calls++,
  });
  await using client = await dial(listener);
  const [report, text] = await Promise.all([listener.gracefulStop(), textOf(client)]);
  assertEquals([calls, text, report], [0, "", { completed: 1, aborted: 0, cut: [] }]);
  const caught = await listening({
    async onConnect(caller) {
      await caller.readLine().catch(() => {});
    },
    onBytes: () => void calls++,
  });
  await using another = await dial(caught);
  const [second] = await Promise.all([caught.gracefulStop(), textOf(another)]);
  assertEquals([calls, second], [0, { completed: 1, aborted: 0, cut: [] }]);
});

Deno.test("relay() that begins after a stop has ended reading ends by the stop", async () => {
  const origin = await listening({ onBytes: (_, bytes) => bytes });
  const ends: string[] = [];
  const listener = new Listener(0, { interface: "127.0.0.1" });
  await listener.serve(async (caller) => {
    await caller.readLine().catch(() => {});
    ends.push((await relay(caller, await dial(origin))).end.by);
  });
  await using client = await dial(listener);
  const [report, text] = await Promise.all([listener.gracefulStop(), textOf(client)]);
  assertEquals([ends, text, report], [["stop"], "", { completed: 1, aborted: 0, cut: [] }]);
  await origin.gracefulStop();
});
