import { assertEquals, assertRejects } from "@std/assert";
import { GenericError } from "../../mod.ts";
import { connectedPair, VirtualClock } from "../../testing/mod.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";

Deno.test("connectedPair() gives two connections, each the other's peer, and closes both", async () => {
  let closed;
  {
    await using pair = connectedPair();
    const [a, b] = pair;
    closed = [a.closed, b.closed];
    void a.write("ping");
    assertEquals(new TextDecoder().decode((await b.read(4))[0]), "ping");
    assertEquals([a.remotePort, a.localPort], [b.localPort, b.remotePort]);
  }
  assertEquals(await Promise.all(closed), [undefined, undefined]);
});

Deno.test("connectedPair() takes the capacity, the limits and the clock of both ends", async () => {
  const clock = new VirtualClock();
  await using pair = connectedPair({
    capacity: 10,
    writeTimeoutInMillis: 1000,
    network: { ...denoNetwork, clock },
  });
  const [a, b] = pair;
  const refused = assertRejects(() => a.write(new Uint8Array(11)), GenericError, "for 1000 ms");
  await clock.advance(1000);
  await refused;
  assertEquals((await a.closed)?.code, "timed-out");
  assertEquals((await b.read(10))[1], 10);
});
