// Ten publishers that burst at once, over real sockets, to some who read and to one who is deaf: everybody who reads
// gets everything. Who looks at queuedBytes instead takes what was written just now for a peer that is slow.

import { assert, assertEquals } from "@std/assert";
import { type Caller, Client, Group, LineCodec, Listener } from "../../mod.ts";

const PUBLISHERS = 10;
const LINES = 500;
const READERS = 5;
const LIMIT = 64 * 1024;
const timeoutInMillis = 20_000;

type Say = (text: string) => void;

/** How many lines each reader has got, and whether they came in order, when all have been said. */
async function heardBy(
  make: (callers: ReadonlySet<Caller>) => Say,
): Promise<{ heard: number[]; isInOrder: boolean }> {
  await using listener = new Listener(0, { interface: "127.0.0.1" });
  const callers = new Set<Caller>();
  const all = Promise.withResolvers<void>();
  listener.attach({
    onConnect(caller) {
      callers.add(caller);
      if (callers.size === READERS + 1) all.resolve();
    },
  });
  await listener.start();
  const dial = () => Client.connect({ host: "127.0.0.1", port: listener.port });
  const deaf = await dial();
  const readers = await Promise.all(Array.from({ length: READERS }, dial));
  await all.promise;
  const say = make(callers);
  for (let publisher = 0; publisher < PUBLISHERS; publisher++) {
    queueMicrotask(() => {
      for (let i = 0; i < LINES; i++) say(`${publisher} ${i} ${"x".repeat(160)}`);
    });
  }
  let isInOrder = true;
  const heard = readers.map(async (reader) => {
    const next: Record<string, number> = {};
    for (let count = 0;; count++) {
      const line = (await reader.readLine({ timeoutInMillis }))!;
      if (line === "end") return count;
      const [publisher, number] = line.split(" ") as [string, string];
      if (Number(number) !== (next[publisher] ?? 0)) isInOrder = false;
      next[publisher] = Number(number) + 1;
    }
  });
  // When everything has gone out, however it was sent.
  await Promise.resolve();
  for (const caller of callers) {
    if (caller.remotePort === deaf.localPort) continue;
    void caller.drained().then(() => caller.write("end\n"));
  }
  const counts = await Promise.all(heard);
  for (const each of [deaf, ...readers]) each.abort();
  return { heard: counts, isInOrder };
}

Deno.test("Group brings a burst of ten publishers to all who read, beside a deaf one", async () => {
  const { heard, isInOrder } = await heardBy((callers) => {
    const group = new Group({ codec: new LineCodec(), slow: "skip", maxQueuedBytes: LIMIT });
    for (const caller of callers) group.add(caller);
    return (line) => void group.send(line);
  });
  assertEquals([heard, isInOrder], [Array(READERS).fill(PUBLISHERS * LINES), true]);
});

Deno.test("queuedBytes is no way to know who is slow: it drops messages for those who read", async () => {
  const { heard } = await heardBy((callers) => (line) => {
    for (const caller of callers) {
      if (caller.queuedBytes < LIMIT) void caller.write(`${line}\n`);
    }
  });
  assert(heard.every((count) => count < PUBLISHERS * LINES), `${heard}`);
});

Deno.test("Group misses out a deaf member when the system has refused the limit, and only that one", async () => {
  await using listener = new Listener(0, { interface: "127.0.0.1" });
  const group = new Group({ slow: "skip", maxQueuedBytes: LIMIT });
  const both = Promise.withResolvers<void>();
  listener.attach({
    onConnect(caller) {
      if (group.add(caller).size === 2) both.resolve();
    },
  });
  await listener.start();
  const dial = () => Client.connect({ host: "127.0.0.1", port: listener.port });
  await using deaf = await dial();
  await using reader = await dial();
  await both.promise;
  const message = new Uint8Array(LIMIT / 2);
  let sent = 0;
  // The systems between them buffer some megabytes for the deaf one.
  for (let isSlow = false; !isSlow; sent++) {
    isSlow = group.send(message).skipped > 0;
    for (let left = message.length; left > 0;) left -= (await reader.read())[1];
    assert(sent < 2_000, "nobody is slow");
  }
  const slow = [...listener.connections].find(({ remotePort }) => remotePort === deaf.localPort)!;
  assert(slow.queuedBytes > LIMIT && slow.queuedBytes < 64 * LIMIT, `${slow.queuedBytes}`);
  assertEquals(group.stats(), { sent: 2 * sent - 1, skipped: 1, closed: 0 });
  deaf.abort();
});
