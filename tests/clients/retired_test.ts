import { assertEquals } from "@std/assert";
import { Retired } from "../../src/clients/retired.ts";
import { Client } from "../../mod.ts";
import { echo, listen, served } from "../support/simulated_server.ts";

Deno.test("Retired closes a connection after a while, unless something of it is unread", () =>
  served(echo, async ({ net, place }) => {
    const clients = await Promise.all([Client.connect(place), Client.connect(place)]);
    const retired = clients.map(() => new Retired(net.clock, 100));
    const [, unread] = clients as [Client, Client];
    await unread.write("x");
    await unread.peek(1);
    for (const [i, client] of clients.entries()) retired[i]!.put(client);
    const isOpen = ({ signal }: Client) => !signal.aborted;
    await net.delay(99);
    assertEquals(clients.map(isOpen), [true, true]);
    await net.delay(1_000);
    assertEquals(clients.map(isOpen), [false, true]);
    assertEquals([retired[0]!.clients, (await unread.read(1))[1]], [[], 1]);
    await unread.close();
  }));

Deno.test("Retired closes a connection whose port is needed, whatever of it is unread", () =>
  served(echo, async ({ net, place }) => {
    const client = await Client.connect(place);
    const retired = new Retired(net.clock, 100, true);
    await client.write("x");
    await client.peek(1);
    retired.put(client);
    await net.delay(1_100);
    assertEquals([retired.clients, client.signal.aborted], [[], true]);
  }));

Deno.test("Retired gives each its time, and the oldest go where there are too many", () =>
  served(listen, async ({ net, place }) => {
    const retired = new Retired(net.clock, 100);
    const clients = await Promise.all(Array.from({ length: 10 }, () => Client.connect(place)));
    const left = () => clients.filter(({ signal }) => !signal.aborted).length;
    const begin = net.clock.now();
    for (const client of clients.slice(0, 3)) {
      retired.put(client);
      await net.delay(10);
    }
    assertEquals(left(), 10);
    for (const client of clients.slice(3)) retired.put(client);
    assertEquals([clients[1]!.signal.aborted, left()], [true, 8]);
    await clients[2]!.closed;
    assertEquals(net.clock.now() - begin >= 120, true);
    await clients[9]!.closed;
    assertEquals(retired.clients, []);
  }));

Deno.test("Retired.put() keeps none that is freed, and no time where it is endless", () =>
  served(listen, async ({ net, place }) => {
    const retired = new Retired(net.clock, Infinity);
    const first = await Client.connect(place);
    retired.put(first);
    const freed = await Client.connect(place);
    freed.abort();
    await freed.closed;
    retired.put(freed);
    assertEquals(retired.clients, [first]);
    await first.close();
    await net.delay(0);
    assertEquals(retired.clients, []);
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

Deno.test("Retired knows those that somebody else closes, and closes none", () =>
  served(echo, async ({ net, place }) => {
    const retired = new Retired(net.clock, 100);
    const client = await Client.connect(place);
    retired.putUsed(client);
    await net.delay(1_000);
    assertEquals([retired.clients, client.signal.aborted], [[client], false]);
    await client.close();
    assertEquals(retired.clients, []);
    retired.putUsed(client);
    assertEquals(retired.clients, []);
  }));
