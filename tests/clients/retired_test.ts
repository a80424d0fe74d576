import { assertEquals } from "@std/assert";
import { Retired } from "../../src/clients/retired.ts";
import { Client } from "../../mod.ts";
import { echo, listen, served } from "../support/simulated_server.ts";

Deno.test("Retired closes a connection after a while, unless something of it is unread", () =>
  served(echo, async ({ net, place }) => {
    const clients = await Promise.all([Client.connect(place), Client.connect(place)]);
    const retired = clients.map(() => new Retired(net.clock, 100));
    const [empty, unread] = clients as [Client, Client];
    await unread.write("x");
    await unread.peek(1);
    for (const [i, client] of clients.entries()) retired[i]!.put(client);
    const isOpen = ({ signal }: Client) => !signal.aborted;
    await net.delay(99);
    assertEquals(clients.map(isOpen), [true, true]);
    await net.delay(1_000);
    assertEquals(clients.map(isOpen), [false, true]);
    assertEquals([retired[0]!.client === empty, (await unread.read(1))[1]], [true, 1]);
    await unread.close();
  }));

Deno.test("Retired.put() closes the one before, and keeps none that is freed", () =>
  served(listen, async ({ net, place }) => {
    const retired = new Retired(net.clock, Infinity);
    const first = await Client.connect(place);
    retired.put(first);
    const second = await Client.connect(place);
    retired.put(second);
    assertEquals([await first.closed, retired.client === second], [undefined, true]);
    const freed = await Client.connect(place);
    freed.abort();
    await freed.closed;
    retired.put(freed);
    assertEquals([await second.closed, retired.client], [undefined, undefined]);
  }));

Deno.test("Retired.forget() leaves the end to its owner, and no timer", () =>
  served(listen, async ({ net, place }) => {
    const retired = new Retired(net.clock, 100);
    const client = await Client.connect(place);
    const timers = () => Number(/(\d+) timeout/.exec(net.leftBehind.join())?.[1] ?? 0);
    const before = timers();
    retired.put(client);
    assertEquals(timers(), before + 1);
    retired.forget();
    assertEquals(timers(), before);
    await client.close();
  }));
