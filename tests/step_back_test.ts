// Whoever is handed much that has come lets others go first, after a bounded time, whatever face hands it out.

import { assert, assertEquals } from "@std/assert";
import {
  type Caller,
  Connection,
  framed,
  framedService,
  LineCodec,
  type Network,
  type Service,
} from "../mod.ts";
import { serve } from "../src/service.ts";
import { plainTurns } from "../src/turns.ts";
import { connectedTransports, microtasksDrained, VirtualClock } from "../testing/mod.ts";

const LINES = 400;

/** Time passes with every look at the clock, and who steps back goes on when the test says so. */
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

/** Each hands out all lines of a connection, and tells of each. */
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
