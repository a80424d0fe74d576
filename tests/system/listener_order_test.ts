// Starts and stops that nobody awaits are done in the order in which they were asked for.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Client, Listener } from "../../mod.ts";
import { simulate, type SimulatedNetwork } from "../../testing/mod.ts";

const PORT = 9;

function run(
  body: (listener: Listener, net: SimulatedNetwork) => Promise<void>,
  onReadReady?: () => Promise<void>,
): Promise<unknown> {
  return simulate(1, async (net) => {
    const listener = new Listener(PORT, { network: net });
    listener.attach({
      onConnect: (caller) => void caller.write("hello"),
      ...(onReadReady === undefined ? {} : { onReadReady }),
    });
    await body(listener, net);
    await listener.gracefulStop();
  }, { faults: "calm" });
}

async function isListening(net: SimulatedNetwork): Promise<boolean> {
  try {
    const client = await Client.connect({ host: "localhost", port: PORT, network: net });
    const [, length] = await client.read(5);
    await client.close();
    return length === 5;
  } catch {
    return false;
  }
}

Deno.test("Listener.gracefulStop() also stops what was being started when it was called", async () => {
  await run(async (listener, net) => {
    const starting = listener.start();
    assertEquals(await listener.gracefulStop(), { completed: 0, aborted: 0, cut: [] });
    await starting;
    assertEquals(await listener.closed, undefined);
    assertEquals(await isListening(net), false);
    await listener.start();
    assertEquals(await isListening(net), true);
  });
});

Deno.test("Listener.start() during a stop begins when it has ended, on the same port", async () => {
  await run(async (listener, net) => {
    await listener.start();
    const { closed } = listener;
    const stopping = listener.gracefulStop();
    const starting = listener.start();
    assertEquals(await closed, undefined);
    await stopping;
    await starting;
    assertEquals(await isListening(net), true);
  });
});

Deno.test("Listener does stop, start and stop in that order when nobody awaits them", async () => {
  await run(async (listener, net) => {
    await listener.start();
    const first = listener.gracefulStop();
    const starting = listener.start();
    const second = listener.gracefulStop();
    await Promise.all([first, starting, second]);
    assertEquals(await isListening(net), false);
    await listener.start();
    assertEquals(await isListening(net), true);
  });
});

Deno.test("Listener.immediateStop() hurries every stop that was asked for before it", async () => {
  await run(async (listener, net) => {
    await listener.start();
    const client = await Client.connect({ host: "localhost", port: PORT, network: net });
    await client.read(5);
    await client.write("keeps the service busy");
    await net.delay(10);
    const first = listener.gracefulStop({ deadlineInMillis: 1_000_000 });
    const starting = listener.start();
    await listener.immediateStop();
    await Promise.all([first, starting]);
    // The report names who waits in the backlog: a look at it takes a moment.
    assert(net.clock.now() - 10 < 10);
    assertEquals(await isListening(net), false);
    await client.close();
  }, () => new Promise(() => {}));
});

Deno.test("Listener.start() that fails can be tried again, also after a stop", async () => {
  await run(async (listener, net) => {
    const other = net.listen({ hostname: "0.0.0.0", port: PORT, backlog: 1 });
    const starting = assertRejects(() => listener.start(), Error, "in use");
    await listener.gracefulStop();
    await starting;
    await assertRejects(() => listener.start(), Error, "in use");
    (await other).close();
    await listener.start();
    assertEquals(await isListening(net), true);
  });
});
