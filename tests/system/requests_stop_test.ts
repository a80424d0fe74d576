// A server that asks its clients is stopped: its connections end as politely as any other one.

import { assertEquals, assertRejects } from "@std/assert";
import { RequestError, Requests } from "../../clients.ts";
import { type Caller, Client, framed, LineCodec, Listener } from "../../mod.ts";
import { Authority } from "../support/certificates.ts";
import { lines } from "../support/line_server.ts";
import { served } from "../support/simulated_server.ts";

function ask(caller: Caller, timeoutInMillis = 5_000): Requests<string, string> {
  return new Requests<string, string>(caller, new LineCodec(), { timeoutInMillis });
}

for (const carrier of ["TCP", "TLS"]) {
  Deno.test(`Requests let a stop close a connection that owes nothing, over ${carrier}`, async () => {
    const authority = await Authority.make("Stop Test CA");
    const { cert, key } = await authority.sign({ hosts: ["127.0.0.1"] });
    const isSecure = carrier === "TLS";
    const ends: string[] = [];
    const answered = Promise.withResolvers<void>();
    const closed: (string | undefined)[] = [];
    const listener = new Listener(0, {
      interface: "127.0.0.1",
      ...(isSecure ? { secureSocket: { cert, key } } : {}),
      onEvent: (event) => event.kind === "ended" && ends.push(event.by),
    });
    await listener.serve(async (caller) => {
      const requests = ask(caller);
      await requests.send("who");
      answered.resolve();
      closed.push((await requests.closed)?.code);
    }, { onStop: async (caller) => void await caller.write("bye\n") });
    await using client = await Client.connect({
      host: "127.0.0.1",
      port: listener.port,
      ...(isSecure ? { secureSocket: { caCerts: [authority.cert] } } : {}),
    });
    assertEquals(await client.readLine(), "who");
    await client.write("me\n");
    await answered.promise;
    const stop = listener.gracefulStop({ deadlineInMillis: 5_000 });
    assertEquals([await client.readLine(), await client.readLine()], ["bye", undefined]);
    await client.close();
    const report = await stop;
    assertEquals([report.completed, report.cut], [1, []]);
    assertEquals([ends, listener.stats().ended.stop, closed], [["stop"], 1, ["closed"]]);
  });
}

Deno.test("Requests let a stop wait for an answer that is owed, and for who asks again at once", async () => {
  const got: unknown[] = [];
  await served(async (caller) => {
    const requests = ask(caller);
    got.push(await requests.send("a"));
    got.push(await requests.send("b"));
    got.push(await requests.send("c"));
    got.push((await requests.closed)?.code);
  }, async ({ net, listener, place }) => {
    await using client = framed<string, string>(await Client.connect(place), lines);
    assertEquals(await client.receive(), "a");
    const start = net.clock.now();
    const stop = listener.gracefulStop({ deadlineInMillis: 10_000 });
    await net.delay(1_000);
    await client.send("A");
    assertEquals(await client.receive(), "b");
    await net.delay(1_000);
    await client.send("B");
    assertEquals(await client.receive(), "c");
    await client.send("C");
    assertEquals(await client.receive(), undefined);
    assertEquals((await stop).cut, []);
    assertEquals([got, listener.stats().ended.stop], [["A", "B", "C", "closed"], 1]);
    assertEquals(Math.floor((net.clock.now() - start) / 1_000), 2);
  });
});

Deno.test("Requests still ask a caller that was stopped before they began", async () => {
  const got: unknown[] = [];
  const gate = Promise.withResolvers<void>();
  await served(async (caller) => {
    await gate.promise;
    got.push(await ask(caller).send("who"));
  }, async ({ net, listener, place, callers }) => {
    await using client = framed<string, string>(await Client.connect(place), lines);
    while (callers.length === 0) await net.delay(1);
    const stop = listener.gracefulStop({ deadlineInMillis: 10_000 });
    await net.delay(100);
    gate.resolve();
    assertEquals(await client.receive(), "who");
    await net.delay(1_000);
    await client.send("me");
    assertEquals([await client.receive(), (await stop).cut, got], [undefined, [], ["me"]]);
  });
});

Deno.test("Requests let a stop wait for no answer that nobody waits for any more", async () => {
  const got: unknown[] = [];
  await served(async (caller) => {
    const requests = ask(caller, 500);
    got.push((await assertRejects(() => requests.send("a"), RequestError)).code);
    await requests.closed;
  }, async ({ net, listener, place }) => {
    await using client = framed<string, string>(await Client.connect(place), lines);
    assertEquals(await client.receive(), "a");
    const start = net.clock.now();
    const [{ cut }] = await Promise.all([
      listener.gracefulStop({ deadlineInMillis: 10_000 }),
      client.receive(),
    ]);
    assertEquals([cut, got, listener.stats().ended.stop], [[], ["timed-out"], 1]);
    assertEquals(Math.floor((net.clock.now() - start) / 1_000), 0);
  });
});

Deno.test("Requests that a stop cuts off say that they had left", async () => {
  const got: unknown[] = [];
  await served(async (caller) => {
    const requests = ask(caller, Infinity);
    const { code, hasLeft } = await assertRejects(() => requests.send("a"), RequestError);
    got.push(code, hasLeft);
  }, async ({ listener, place }) => {
    await using client = framed<string, string>(await Client.connect(place), lines);
    assertEquals(await client.receive(), "a");
    const { cut } = await listener.gracefulStop({ deadlineInMillis: 1_000 });
    assertEquals(cut.map(({ reason }) => reason), ["deadline"]);
    assertEquals(got, ["aborted", true]);
  });
});
