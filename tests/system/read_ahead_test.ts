// Reads that were begun ahead, and that nobody looks at when they fail: no unhandled rejection, which ends a program, comes
// of them. Whoever awaits them later is told.

import { assertEquals } from "@std/assert";
import { type Client, framed, LineCodec, Listener, UdpClient, UdpListener } from "../../mod.ts";
import { dial } from "../support/dial.ts";
import { text } from "../support/text.ts";

type Ahead = (client: Client) => Promise<unknown>;

const reads: Record<string, Ahead> = {
  read: (client) => client.read(5),
  readLine: (client) => client.readLine(),
  readUntil: (client) => client.readUntil("x"),
  peek: (client) => client.peek(5),
  receive: (client) => framed(client, new LineCodec()).receive(),
  "read that times out": (client) => client.read(5, { timeoutInMillis: 5 }),
};
const ends: Record<string, (client: Client) => Promise<void> | void> = {
  close: (client) => client.close(),
  abort: (client) => client.abort(),
};

/** Long enough for a rejection that nobody handles to be noticed. */
const turns = async () => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

for (const [name, read] of Object.entries(reads)) {
  for (const [how, end] of Object.entries(ends)) {
    Deno.test(`A ${name} that was begun ahead harms nobody at ${how}`, async () => {
      await using listener = new Listener(0, { interface: "127.0.0.1" });
      listener.attach({ onBytes() {} });
      await listener.start();
      const client = await dial(listener);
      const ahead = read(client);
      const until = performance.now() + (name.includes("times out") ? 20 : 0);
      while (performance.now() < until) await turns();
      await end(client);
      await turns();
      const error = await ahead.then(() => undefined, (error) => error);
      assertEquals(error instanceof Error, true);
      // Nor one that is begun after the end.
      void read(client);
      await turns();
    });
  }
}

Deno.test("A receive that was begun ahead harms nobody when its socket closes", async () => {
  await using listener = new UdpListener(0, { interface: "127.0.0.1" });
  listener.attach({ onBytes() {} });
  await listener.start();
  const client = new UdpClient({ host: "127.0.0.1", port: 0 });
  const ahead = client.receiveFrom();
  await client.write("x").catch(() => {});
  await client.close();
  await turns();
  assertEquals(await ahead.then(() => "a datagram", (error) => error.code), "closed");
});

Deno.test("A handler that reads one line ahead answers what it has read before a stop", async () => {
  const listener = new Listener(0, { interface: "127.0.0.1" });
  const working = Promise.withResolvers<void>();
  const mayGoOn = Promise.withResolvers<void>();
  const told: unknown[] = [];
  await listener.serve(async (caller) => {
    let next = caller.readLine();
    for (;;) {
      const line = await next;
      if (line === undefined) return;
      next = caller.readLine();
      working.resolve();
      await mayGoOn.promise;
      await turns();
      await caller.write(`${line}!`);
    }
  }, { onError: (_caller, error) => void told.push(error) });
  const client = await dial(listener);
  await client.write("hello\n");
  await working.promise;
  const stop = listener.gracefulStop();
  await turns();
  mayGoOn.resolve();
  assertEquals(text((await client.read(6))[0]), "hello!");
  assertEquals([(await stop).cut, told], [[], []]);
  await client.close();
});
