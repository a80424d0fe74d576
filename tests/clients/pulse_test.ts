import { assertEquals } from "@std/assert";
import { Pulse } from "../../src/clients/pulse.ts";
import type { SocketError } from "../../src/base/errors.ts";
import { coreOf } from "../../src/connection/connection.ts";
import { Client } from "../../mod.ts";
import { arrivingConnection } from "../support/scripted_connection.ts";
import { served } from "../support/simulated_server.ts";

const times = { pingInMillis: 100, pingTimeoutInMillis: 30 };

Deno.test("Pulse asks a silent peer once, and then finds it dead", () =>
  served(() => Promise.resolve(), async ({ net, place }) => {
    const client = await Client.connect(place);
    const told: unknown[] = [];
    const pulse = new Pulse(coreOf(client), {
      ...times,
      lookBy: (due) => told.push(`look ${due}`),
      ping: (due) => told.push(`ping ${due}`),
      onDead: ({ code }: SocketError) => told.push(code),
    });
    const start = net.clock.now();
    const at = (millis: number) => start + millis;
    // Nothing was known of the peer before the first look.
    for (const millis of [99, 100, 199, 200, 229, 230]) {
      await net.delay(at(millis) - net.clock.now());
      pulse.look(net.clock.now());
    }
    assertEquals(told, [
      `look ${at(100)}`,
      `look ${at(200)}`,
      `look ${at(230)}`,
      `ping ${at(230)}`,
      "timed-out",
    ]);
    pulse.stop();
    assertEquals(pulse.due, Infinity);
    client.abort();
  }));

Deno.test("Pulse is content with any byte, also after it has asked", () =>
  served(async (caller) => {
    for await (const bytes of caller) await caller.write(bytes);
  }, async ({ net, place }) => {
    const client = await Client.connect(place);
    const pings: number[] = [];
    const dead: SocketError[] = [];
    const pulse = new Pulse(coreOf(client), {
      ...times,
      lookBy() {},
      ping: (due) => pings.push(due),
      onDead: (error) => dead.push(error),
    });
    const look = async () => {
      await net.delay(pulse.due - net.clock.now());
      pulse.look(net.clock.now());
    };
    await look();
    await look();
    assertEquals(pings.length, 1);
    await client.write("x");
    await client.read(1);
    for (let i = 0; i < 2; i++) await look();
    assertEquals([pings.length, dead.length], [2, 0]);
    await look();
    assertEquals(dead.length, 1);
    await client.close();
  }));

Deno.test("Pulse without a time for pings never asks for a look", () =>
  served(() => Promise.resolve(), async ({ place }) => {
    const client = await Client.connect(place);
    const never = () => assertEquals(1, 2);
    const host = { ...times, pingInMillis: Infinity, lookBy: never, ping: never, onDead: never };
    const pulse = new Pulse(coreOf(client), host);
    pulse.look(1e9);
    assertEquals(pulse.due, Infinity);
    client.abort();
  }));

Deno.test("Pulse is content with what has arrived and cannot be read yet", async () => {
  const { connection, clock, arrive } = arrivingConnection();
  void connection.read().catch(() => {});
  const told: string[] = [];
  const pulse = new Pulse(coreOf(connection), {
    ...times,
    lookBy() {},
    ping: () => told.push("ping"),
    onDead: () => told.push("dead"),
  });
  for (let i = 0; i < 4; i++) {
    await clock.advance(pulse.due - clock.now());
    arrive(1);
    pulse.look(clock.now());
  }
  assertEquals(told, []);
  connection.abort();
});
