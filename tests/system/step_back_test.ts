// A connection with much to hand out lets others go first after a bounded time, whatever API hands it out.

import type { Codec } from "../../codec.ts";
import { assert, assertEquals } from "@std/assert";
import {
  type Caller,
  Connection,
  framed,
  framedService,
  GenericError,
  LineCodec,
  type Service,
  UdpClient,
  UdpListener,
  type UdpSession,
} from "../../mod.ts";
import type { Network } from "../../network.ts";
import { serve } from "../../src/connection/service_loop.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { scriptedDatagrams } from "../support/scripted_datagrams.ts";
import { connectedTransports, microtasksDrained, VirtualClock } from "../../testing/mod.ts";

const LINES = 400;

/** Time passes with every read of the clock, and a connection that steps back continues when the test says so. */
function busyNetwork() {
  const waiting: (() => void)[] = [];
  let now = 0;
  const clock = new VirtualClock();
  clock.now = () => now += 0.5;
  const network = {
    clock,
    turns: {
      ...plainTurns,
      stepBack: () => new Promise<boolean>((resolve) => void waiting.push(() => resolve(false))),
    },
  } as unknown as Network;
  return { network, waiting };
}

const lines = new LineCodec();

/** Each hands out all lines of a connection, and reports each. */
const faces: Record<string, (connection: Connection, tell: (line: string) => void) => unknown> = {
  "framedService": (connection, tell) =>
    serve(connection, framedService(lines, { onMessage: (_, line) => tell(line) })),
  "framedService that answers": (connection, tell) =>
    serve(
      connection,
      framedService(lines, {
        onMessage(_, line) {
          tell(line);
          return line;
        },
      }),
    ),
  "framedService with an async onMessage": (connection, tell) =>
    // deno-lint-ignore require-await
    serve(connection, framedService(lines, { onMessage: async (_, line) => tell(line) })),
  "framed, a loop": async (connection, tell) => {
    for await (const line of framed(connection, lines)) tell(line);
  },
  "framed, receive": async (connection, tell) => {
    const all = framed(connection, lines);
    for (let line; (line = await all.receive()) !== undefined;) tell(line);
  },
  "framed, receive with options": async (connection, tell) => {
    const all = framed(connection, lines);
    for (let line; (line = await all.receive({ timeoutInMillis: 50 })) !== undefined;) tell(line);
  },
  "framed, bad frames that are skipped": async (connection, tell) => {
    await framed(connection, refusing(tell)).receive();
  },
  "framedService, bad frames that are skipped": (connection, tell) =>
    serve(connection, framedService(refusing(tell), { onMessage() {} })),
  "readLine": async (connection, tell) => {
    for (let line; (line = await connection.readLine()) !== undefined;) tell(line);
  },
  "readUntil": async (connection, tell) => {
    for (let line; (line = await connection.readUntil("\n"))[1] > 0;) tell(textOf(line[0]));
  },
  "read of so many bytes": async (connection, tell) => {
    for (let line; (line = await connection.read(4))[1] > 0;) tell(textOf(line[0]));
  },
  "a service that leaves bytes unread": (connection, tell) => {
    const service: Service = {
      async onReadReady(caller: Caller) {
        const [bytes, length] = await caller.read(4);
        if (length > 0) tell(textOf(bytes));
      },
    };
    serve(connection, service);
  },
};

/** Lines each of which is bad, and skipped. */
function refusing(tell: (line: string) => void): Codec<never> {
  return {
    decoder: () => {
      const decoder = lines.decoder();
      return {
        decode(bytes, ended) {
          const line = decoder.decode(bytes, ended);
          if (line !== undefined) throw new GenericError("frame", line);
          return undefined;
        },
      };
    },
    encode() {},
    onBadFrame: ({ message }) => tell(message),
  };
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).trimEnd();
}

for (const [name, face] of Object.entries(faces)) {
  Deno.test(`A connection that has had its share lets others go first: ${name}`, async () => {
    const { network, waiting } = busyNetwork();
    const [transport, other] = connectedTransports();
    const sent = Array.from({ length: LINES }, (_, i) => `${i}`.padStart(3, "0"));
    await other.write(new TextEncoder().encode(sent.map((line) => `${line}\n`).join("")));
    await using connection = new Connection(transport, { network });
    const got: string[] = [];
    let steps = 0;
    const over = face(connection, (line) => void got.push(line));
    // The end of those that wait for more.
    if (over instanceof Promise) over.catch(() => {});
    await microtasksDrained();
    while (waiting.length > 0) {
      steps++;
      const before = got.length;
      await microtasksDrained();
      assertEquals(got.length, before, "nothing is handed out meanwhile");
      waiting.shift()!();
      await microtasksDrained();
    }
    assertEquals(got, sent);
    assert(steps >= 3, `${steps}`);
    other.close();
  });
}

const DATAGRAMS = 1_000;

/** Each hands out all waiting datagrams, and reports each. */
const datagramFaces: Record<string, (network: Network) => Promise<DatagramFace>> = {
  "UdpClient.receiveFrom": async (network) => {
    const client = await readingAhead(network);
    return {
      async begin(tell) {
        for (;;) tell((await client.receiveFrom())[0]);
      },
      end: () => client.close(),
    };
  },
  "UdpClient.read": async (network) => {
    const client = await readingAhead(network);
    return {
      async begin(tell) {
        for (;;) tell((await client.read(undefined, { timeoutInMillis: 10_000 }))[0]);
      },
      end: () => client.close(),
    };
  },
  "UdpClient, calls at once": async (network) => {
    const client = await readingAhead(network);
    return {
      async begin(tell) {
        const all = Array.from({ length: DATAGRAMS }, () => client.read());
        for (const read of all) tell((await read)[0]);
      },
      end: () => client.close(),
    };
  },
  "UdpClient, a loop": async (network) => {
    const client = await readingAhead(network);
    return {
      async begin(tell) {
        for await (const { data } of client) tell(data);
      },
      end: () => client.close(),
    };
  },
  "UdpListener, a loop": async (network) => {
    const listener = await listening(network);
    const begun = Promise.withResolvers<Tell>();
    void (async () => {
      for await (const [, { data }] of listener) (await begun.promise)(data);
    })();
    return { begin: begun.resolve, end: () => listener.immediateStop() };
  },
  "UdpService.onDatagram": async (network) => {
    const listener = await listening(network);
    const begun = Promise.withResolvers<Tell>();
    listener.attach({ onDatagram: async (_, { data }) => (await begun.promise)(data) });
    return { begin: begun.resolve, end: () => listener.immediateStop() };
  },
  "UdpService.onBytes": async (network) => {
    const listener = await listening(network);
    const begun = Promise.withResolvers<Tell>();
    listener.attach({ onBytes: async (_, bytes) => (await begun.promise)(bytes) });
    return { begin: begun.resolve, end: () => listener.immediateStop() };
  },
  "UdpSession.read": (network) =>
    inSession(network, async (session, tell) => {
      for (;;) tell((await session.read())[0]);
    }),
  "UdpSession, a loop": (network) =>
    inSession(network, async (session, tell) => {
      for await (const { data } of session) tell(data);
    }),
};

type Tell = (bytes: Uint8Array) => void;

interface DatagramFace {
  begin(tell: Tell): unknown;
  end(): Promise<unknown>;
}

async function readingAhead(network: Network): Promise<UdpClient> {
  const client = new UdpClient({ port: 0 }, { network, maxUnreadBytes: 1_000_000 });
  await client.bound;
  return client;
}

async function listening(network: Network): Promise<UdpListener> {
  const listener = new UdpListener(0, { network, maxUnreadBytesPerSession: 1_000_000 });
  await listener.start();
  return listener;
}

async function inSession(
  network: Network,
  read: (session: UdpSession, tell: Tell) => Promise<void>,
): Promise<DatagramFace> {
  const listener = await listening(network);
  const begun = Promise.withResolvers<UdpSession>();
  listener.attach({ onSession: (session) => begun.resolve(session) });
  return {
    begin: async (tell) => await read(await begun.promise, tell),
    end: () => listener.immediateStop(),
  };
}

for (const [name, make] of Object.entries(datagramFaces)) {
  Deno.test(`A queue of datagrams that has had its share lets others go first: ${name}`, async () => {
    const { network: { clock, turns }, waiting } = busyNetwork();
    const network = { ...scriptedDatagrams(clock), turns: turns! };
    const face = await make(network);
    const [socket] = network.sockets;
    const got: number[] = [];
    const put = (i: number) => socket!.deliver(new Uint8Array([i >> 8, i]));
    for (let i = 0; i < DATAGRAMS; i++) {
      put(i);
      while (!socket!.isReceiving) await Promise.resolve();
    }
    const reading = face.begin((bytes) => void got.push(numberIn(bytes)));
    if (reading instanceof Promise) reading.catch(() => {});
    await microtasksDrained();
    let steps = 0;
    while (waiting.length > 0) {
      steps++;
      const before = got.length;
      if (steps === 1) put(DATAGRAMS); // what arrives meanwhile queues behind
      await microtasksDrained();
      assertEquals(got.length, before, "nothing is handed out meanwhile");
      waiting.shift()!();
      await microtasksDrained();
    }
    const count = name === "UdpClient, calls at once" ? DATAGRAMS : DATAGRAMS + 1;
    assertEquals(got, Array.from({ length: count }, (_, i) => i));
    assertEquals(steps, 3);
    await face.end();
  });
}

function numberIn([high, low]: Uint8Array): number {
  return high! << 8 | low!;
}

Deno.test("A connection that is handed little at a time never steps back", async () => {
  const { network, waiting } = busyNetwork();
  const [transport, other] = connectedTransports();
  await using connection = new Connection(transport, { network });
  for (let i = 0; i < LINES; i++) {
    await other.write(new TextEncoder().encode("a\nb\n"));
    assertEquals([await connection.readLine(), await connection.readLine()], ["a", "b"]);
  }
  assertEquals(waiting, []);
  other.close();
});

Deno.test("A read that steps back may be given up, and the next one finds what is there", async () => {
  const { network, waiting } = busyNetwork();
  const [transport, other] = connectedTransports();
  await using connection = new Connection(transport, { network });
  await other.write(new TextEncoder().encode("line\n".repeat(LINES)));
  let lines = 0;
  for (let givenUp = 0; lines < LINES;) {
    const controller = new AbortController();
    const reading = connection.readLine({ signal: controller.signal });
    await microtasksDrained();
    if (waiting.length > 0 && givenUp++ === 0) {
      controller.abort("enough");
      assertEquals(await reading.catch((reason) => reason), "enough");
    } else {
      for (const goOn of waiting.splice(0)) goOn();
      assertEquals(await reading, "line");
      lines++;
    }
  }
  other.close();
});
