// The same scripts over this engine and over Deno's own: the books of both ends must be the same.

import { assertEquals } from "@std/assert";
import { linuxNetwork } from "../../linux/mod.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import type { Network } from "../../src/network/network.ts";
import { UdpClient } from "../../src/udp/udp_client.ts";
import { UdpListener } from "../../src/udp/udp_listener.ts";
import type { UdpService } from "../../src/udp/udp_service.ts";
import { Random } from "../../testing/random.ts";
import { linuxTest } from "../support/linux_engine.ts";
import { hasDatagrams } from "../support/udp_engines.ts";

/** How many scripts are played; more by the variable, for a campaign. */
const SEEDS = Number(Deno.env.get("DATAGRAM_SEEDS") ?? 25);
/** What the system keeps for one socket that nobody reads, for certain, whatever their sizes. */
const MOST_UNDER_WAY = 20;
const MOST_BYTES_UNDER_WAY = 70_000;
const LENGTHS = [0, 1, 64, 64, 64, 512, 1_200, 1_400, 1_472, 9_000, 65_507];

/** Ways to answer everything. */
const SERVICES: readonly (() => UdpService)[] = [
  () => ({ onBytes: (_, bytes) => bytes }),
  () => ({ onDatagram: (_, { data }) => data }),
  () => ({ onDatagram: (caller, { data }) => void caller.sendBytes(data) }),
  () => ({ onBytes: async (_, bytes) => (await undefined, bytes) }),
  () => ({
    onSession: async (session) => {
      for await (const { data } of session) session.tryWrite(data);
    },
  }),
];

/** A sum by which content is known. */
function sumOf(bytes: Uint8Array): number {
  let sum = bytes.length;
  for (const byte of bytes) sum = (sum * 31 + byte) >>> 0;
  return sum;
}

/** Plays a script; gives the books of all ends. */
async function play(network: Network, seed: number): Promise<unknown> {
  const random = new Random(seed);
  const host = random.integer(0, 3) === 0 ? "::1" : "127.0.0.1";
  const everywhere = host === "::1" ? "::" : "0.0.0.0";
  const book: unknown[] = [];
  await using listener = new UdpListener(0, {
    network,
    datagramSize: 65_507,
    interface: random.integer(0, 1) === 0 ? host : everywhere,
    maxUnreadBytesPerSession: 1_000_000,
  });
  listener.attach(SERVICES[random.integer(0, SERVICES.length - 1)]!());
  await listener.start();
  const clients = Array.from(
    { length: random.integer(1, 4) },
    () =>
      new UdpClient({ host, port: 0 }, {
        network,
        readTimeoutInMillis: 10_000,
        datagramSize: 65_507,
        maxUnreadBytes: random.integer(0, 1) * 1_000_000,
      }),
  );
  for (const client of clients) {
    await client.bound;
    if (random.integer(0, 1) === 0) await client.connect({ host, port: listener.port });
  }
  for (let round = random.integer(1, 12); round > 0; round--) {
    const client = clients[random.integer(0, clients.length - 1)]!;
    const isConnected = client.remotePort !== undefined;
    const sameLength = random.integer(0, 1) === 0 ? LENGTHS[random.integer(0, 8)] : undefined;
    let sent = 0;
    let bytesUnderWay = 0;
    const count = random.integer(1, MOST_UNDER_WAY);
    for (; sent < count; sent++) {
      const length = sameLength ?? LENGTHS[random.integer(0, LENGTHS.length - 1)]!;
      if (sent > 0 && bytesUnderWay + length > MOST_BYTES_UNDER_WAY) break;
      bytesUnderWay += length;
      const content = new Uint8Array(length).fill(random.integer(0, 255));
      const way = random.integer(0, 2);
      if (isConnected && way === 0) client.tryWrite(content);
      else if (isConnected && way === 1) void client.write(content);
      else void client.sendTo(content, { host, port: listener.port });
      // It may be changed at once.
      content.fill(0xee);
    }
    for (; sent > 0; sent--) {
      const [bytes, length, from] = await client.receiveFrom();
      book.push([length, sumOf(bytes), from.host, from.port === listener.port]);
    }
  }
  // A port that nobody listens on, and what is too long, break nothing.
  const [client] = clients as [UdpClient];
  await client.sendTo("x", { host, port: 9 });
  book.push(
    await client.sendTo(new Uint8Array(65_508), { host, port: 9 }).catch(({ name }) => name),
  );
  await client.sendTo("last", { host, port: listener.port });
  book.push(new TextDecoder().decode((await client.receiveFrom())[0]));
  for (const client of clients) {
    await client.close();
    book.push(client.droppedDatagrams, await client.closed);
  }
  book.push(await listener.gracefulStop(), listener.stats());
  return book;
}

if (hasDatagrams) {
  linuxTest("Datagrams on this engine go as they do on Deno's own", async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      assertEquals(await play(linuxNetwork, seed), await play(denoNetwork, seed), `seed ${seed}`);
    }
  });
}
