// What the service to copy shows of itself, under load and while it drains: its numbers and its log agree with the
// books of its clients.

import { assert, assertEquals } from "@std/assert";
import type { Client } from "../../mod.ts";
import type { Samples } from "../../tools/demo/samples.ts";
import { dial } from "../support/dial.ts";
import { breakOff, Service, talk } from "../support/service.ts";

const CLIENTS = 20;
const LINES = 50;
const FAREWELL = "421 The service is stopping";

/** What clients know of themselves, by the names of the service's numbers. */
function booksOf(clients: readonly Client[], over: readonly Client[], broken: number): Samples {
  const sum = (key: "bytesRead" | "bytesWritten") =>
    [...clients, ...over].reduce((sum, client) => sum + client[key], 0);
  return {
    "socket_accepted_total": clients.length + over.length + broken,
    "socket_connections": clients.length,
    'socket_ended_total{by="peer"}': over.length,
    'socket_ended_total{by="error"}': broken,
    'socket_bytes_total{direction="received"}': sum("bytesWritten") + broken * 2,
    'socket_bytes_total{direction="sent"}': sum("bytesRead") + broken * 2,
  };
}

/** Compares what the service says with the books of its clients. */
function compare(samples: Samples, books: Samples): void {
  assertEquals(Object.fromEntries(Object.keys(books).map((name) => [name, samples[name]])), books);
}

/** The books of each client, by its port, as the log has them. */
function records(clients: readonly Client[]): Record<number, unknown> {
  return Object.fromEntries(clients.map(({ localPort, bytesRead, bytesWritten }) => [
    localPort,
    { bytesRead: bytesWritten, bytesWritten: bytesRead },
  ]));
}

Deno.test("examples/service shows numbers that agree with its clients' books, until the last connection is over", async () => {
  await using service = await Service.start(["--accept-for=600000", "--deadline=60000"]);
  const { program } = service;
  const ends = async (count: number) => {
    for (let i = 0; i < count; i++) await program.line(/"event":"ended"/);
  };
  const open = (count: number) => Promise.all(Array.from({ length: count }, () => dial(service)));

  // Scraped while the load is on: counters only go up, and are never ahead of what was sent.
  const early = await open(CLIENTS);
  let last = await service.samples();
  const talking = Promise.all(early.map((client) => talk(client, LINES)));
  let isOver = false;
  void talking.finally(() => isOver = true);
  let scrapes = 0;
  while (!isOver) {
    const samples = await service.samples();
    const sent = early.reduce((sum, client) => sum + client.bytesWritten, 0);
    assert(samples['socket_bytes_total{direction="received"}']! <= sent);
    const fallen = Object.entries(samples).filter(([name, value]) =>
      /_total\b/.test(name) && value < last[name]!
    );
    assertEquals([fallen, samples["socket_connections"]], [[], CLIENTS]);
    last = samples;
    scrapes++;
  }
  await talking;
  assert(scrapes > 0);
  compare(await service.samples(), booksOf(early, [], 0));

  // Half of them leave, and one is cut off.
  const over = early.splice(0, CLIENTS / 2);
  await Promise.all(over.map((client) => client.close()));
  await ends(over.length);
  await breakOff(service);
  await ends(1);
  compare(await service.samples(), booksOf(early, over, 1));

  // The drain: a load balancer still sends, and Prometheus still asks.
  program.signal("SIGTERM");
  await program.line(/"stopping"/);
  const all = [...early, ...await open(CLIENTS)];
  await Promise.all(all.map((client) => talk(client, LINES)));
  compare(await service.samples(), booksOf(all, over, 1));

  // One has begun a line, and holds up the stop.
  const [slow, ...others] = all as [Client, ...Client[]];
  await slow.write("sl");
  const received = 'socket_bytes_total{direction="received"}';
  while ((await service.samples())[received] !== booksOf(all, over, 1)[received]);
  program.signal("SIGINT");
  for (const client of others) {
    assertEquals([await client.readLine(), await client.readLine()], [FAREWELL, undefined]);
    await client.close();
  }
  await ends(others.length);
  const { [`socket_ended_total{by="peer"}`]: _, ...books } = booksOf(
    [slow],
    [...over, ...others],
    1,
  );
  const draining = await service.samples();
  compare(draining, { ...books, 'socket_ended_total{by="stop"}': others.length });
  await slow.write("ow\n");
  assertEquals([await slow.readLine(), await slow.readLine()], ["SLOW", FAREWELL]);
  assertEquals(await slow.readLine(), undefined);
  await slow.close();

  const log = await service.log();
  const ended = log.filter(({ event, by }) => event === "ended" && by !== "error");
  assertEquals(
    Object.fromEntries(ended.map(({ remotePort, bytesRead, bytesWritten }) => [
      remotePort,
      { bytesRead, bytesWritten },
    ])),
    records([...over, ...all]),
  );
  const ids = new Set(log.filter(({ event }) => event === "ended").map(({ id }) => id));
  assertEquals(ids.size, over.length + all.length + 1);
});
