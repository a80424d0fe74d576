// The load generator of the TLS bench: the same options, the same line of JSON as the others, with the client that
// the environment names.
import { answered, asked, measure, run } from "./fallback_figures.ts";
import { dialers, type Stream } from "./tls_dialers.ts";
import { AMOUNT, chunkOf, HALF, MESSAGE } from "../servers/tls_parts.mjs";

/** How far ahead a source is asked and a sink is sent. */
const AHEAD = 4;
const dial = dialers[Deno.env.get("BENCH_TLS_CLIENT") as keyof typeof dialers];
const connect = () => dial(asked.port);

async function exchange(stream: Stream, pieces: readonly Uint8Array[]): Promise<void> {
  for (const bytes of pieces) await stream.write(bytes);
  for (let at = 0; at < MESSAGE.length;) {
    const length = await stream.read();
    if (length === 0) throw new Error("The server ended a connection");
    at += length;
  }
}

async function pingPong(pieces: readonly Uint8Array[]): Promise<never> {
  const streams = await Promise.all(Array.from({ length: asked.connections }, connect));
  const one = async (stream: Stream, index: number) => {
    for (;;) {
      const begun = performance.now();
      await exchange(stream, pieces);
      answered(begun, index);
    }
  };
  // All were answered once before anything is measured.
  for (const stream of streams) await exchange(stream, pieces);
  streams.forEach((stream, i) => void one(stream, i));
  return await measure();
}

async function fill(): Promise<never> {
  const stream = await connect();
  const chunk = chunkOf(asked.size / 1024);
  let ahead = 0;
  let goOn: (() => void) | undefined;
  const write = async () => {
    for (;;) {
      // A stream that always takes more would keep the answers, and the clock, from coming through.
      if (ahead >= AHEAD * AMOUNT) await new Promise<void>((resolve) => goOn = resolve);
      ahead += chunk.length;
      await stream.write(chunk);
    }
  };
  const read = async () => {
    for (let heard = 0;;) {
      heard += await stream.read();
      for (; heard >= HALF.length; heard -= HALF.length) {
        ahead -= AMOUNT;
        if (run.measuring) run.bytes += AMOUNT;
      }
      goOn?.();
      goOn = undefined;
    }
  };
  void write();
  void read();
  return await measure();
}

async function drain(): Promise<never> {
  const stream = await connect();
  const request = new Uint8Array([asked.size / 1024]);
  const read = async () => {
    for (let received = 0;;) {
      const length = await stream.read();
      if (run.measuring) run.bytes += length;
      received += length;
      for (; received >= AMOUNT; received -= AMOUNT) void stream.write(request);
    }
  };
  for (let i = 0; i < AHEAD; i++) await stream.write(request);
  void read();
  return await measure();
}

/** Whole handshakes, except where the client is the one that resumes its sessions. */
async function churn(): Promise<never> {
  const one = async () => {
    for (;;) {
      const begun = performance.now();
      try {
        const stream = await connect();
        await exchange(stream, [MESSAGE]);
        await stream.close();
        answered(begun);
      } catch {
        if (run.measuring) run.failed++;
      }
    }
  };
  for (let i = 0; i < asked.connections; i++) void one();
  return await measure();
}

const works = new Map(Object.entries({
  streams: () => pingPong([MESSAGE]),
  halves: () => pingPong([HALF, HALF]),
  fill,
  drain,
  churn,
}));
const work = works.get(asked.mode);
if (work === undefined) throw new TypeError(`There is no such mode: ${asked.mode}`);
Deno.unrefTimer(setTimeout(() => Deno.exit(1), asked.warm + asked.time + 60_000));
await work();
