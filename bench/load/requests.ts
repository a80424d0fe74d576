// One client of a Redis server that sends SET and GET of 64 bytes, a hundred at once, and prints what a request costs.
//
//   deno run --allow-all bench/load/requests.ts CONTESTANT PORT REQUESTS
import process from "node:process";
import { Buffer } from "node:buffer";
import { ReconnectingClient, Requests } from "../../clients.ts";
import { respCodec } from "../../examples/resp_codec.ts";
import type { Resp } from "../../examples/resp_values.ts";
import { Client, framed } from "../../mod.ts";

const AT_ONCE = 100;
const IOVALKEY: string = "npm:iovalkey@0.3.3";
const [contestant, port, count] = [Deno.args[0]!, Number(Deno.args[1]), Number(Deno.args[2])];
const host = "127.0.0.1";
const encoder = new TextEncoder();
const [SET, GET] = [encoder.encode("SET"), encoder.encode("GET")];
const keys = Array.from({ length: AT_ONCE }, (_, i) => `key:${String(i).padStart(3, "0")}`);
const value = "v".repeat(64);
const bytes = encoder.encode(value);
const messages: Resp[] = keys.map((key, i) =>
  i % 2 === 0 ? [SET, encoder.encode(key), bytes] : [GET, encoder.encode(key)]
);

/** Sends one batch and waits for its answers. */
type Batch = () => Promise<unknown>;

const contestants: Record<string, () => Promise<[Batch, () => unknown]>> = {
  async framed() {
    const redis = framed(await Client.connect({ host, port }), respCodec());
    return [async () => {
      for (const message of messages) void redis.send(message);
      for (let i = 0; i < AT_ONCE; i++) await redis.receive();
    }, () => redis.close()];
  },
  async requests() {
    const client = new ReconnectingClient({ host, port });
    const redis = new Requests<Resp, Resp>(client, respCodec());
    await client.ready();
    return [() => Promise.all(messages.map((message) => redis.send(message))), () => redis.close()];
  },
  async ioredis() {
    const { Redis } = await import("npm:ioredis@6.0.0");
    return await npm(new Redis(port, host, { enableAutoPipelining: true }));
  },
  async iovalkey() {
    // Not by its name: only this bench needs it, and nobody else shall have to fetch it.
    const { Redis } = await import(IOVALKEY);
    return await npm(new Redis(port, host, { enableAutoPipelining: true }));
  },
};

interface Npm {
  set(key: string, value: Buffer): Promise<unknown>;
  getBuffer(key: string): Promise<unknown>;
  ping(): Promise<unknown>;
  disconnect(): void;
}

async function npm(redis: Npm): Promise<[Batch, () => unknown]> {
  await redis.ping();
  const content = Buffer.from(bytes);
  return [
    () => Promise.all(keys.map((k, i) => i % 2 === 0 ? redis.set(k, content) : redis.getBuffer(k))),
    () => redis.disconnect(),
  ];
}

const [batch, close] = await contestants[contestant]!();
for (let i = 0; i < 300; i++) await batch();
const [cpu, start] = [process.cpuUsage(), performance.now()];
for (let i = 0; i < count / AT_ONCE; i++) await batch();
const { user, system } = process.cpuUsage(cpu);
const wall = performance.now() - start;
await close();
console.log(JSON.stringify({ cpu: (user + system) / count, perSecond: count / wall * 1000 }));
