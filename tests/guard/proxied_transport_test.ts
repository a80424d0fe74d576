import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { GenericError } from "../../src/errors.ts";
import { readProxyHeader } from "../../src/guard/proxied_transport.ts";
import { ProxyHeader } from "../../src/guard/proxy_header.ts";
import { ProxyHeaderError } from "../../src/guard/proxy_header_error.ts";
import { writeProxyHeader } from "../../src/guard/proxy_protocol.ts";
import type { Clock, NetworkAddress, Transport } from "../../src/network.ts";
import { v1Configs, v2Configs } from "../support/proxy_headers.ts";

const PROXY: NetworkAddress = { transport: "tcp", hostname: "10.0.0.1", port: 5 };
const HERE: NetworkAddress = { transport: "tcp", hostname: "10.0.0.2", port: 80 };
const CLIENT: NetworkAddress = { transport: "tcp", hostname: "192.0.2.1", port: 7 };
const HEADER = new ProxyHeader({ source: CLIENT, destination: HERE });
const HEADER_BYTES = writeProxyHeader(HEADER);

/** Gives pieces, one per read, then an end, a failure, or nothing for ever. */
class ScriptedTransport implements Transport {
  readonly localAddr = HERE;
  readonly remoteAddr = PROXY;
  readonly log: string[] = [];
  readonly #pieces: Uint8Array[];
  readonly #end: "end" | "silence" | Error;
  #pending: PromiseWithResolvers<never> | undefined;

  constructor(pieces: Uint8Array[], end: "end" | "silence" | Error) {
    this.#pieces = [...pieces];
    this.#end = end;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const piece = this.#pieces.shift();
    if (piece === undefined) {
      if (this.#end === "end") return Promise.resolve(null);
      if (this.#end !== "silence") return Promise.reject(this.#end);
      this.#pending = Promise.withResolvers<never>();
      return this.#pending.promise;
    }
    const count = Math.min(piece.length, buffer.length);
    buffer.set(piece.subarray(0, count));
    if (count < piece.length) this.#pieces.unshift(piece.subarray(count));
    return Promise.resolve(count);
  }

  write(bytes: Uint8Array): Promise<number> {
    this.log.push(`write ${bytes.length}`);
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    this.log.push("closeWrite");
    return Promise.resolve();
  }

  close(): void {
    this.log.push("close");
    // As Deno's does.
    this.#pending?.reject(new Deno.errors.Interrupted("operation canceled"));
  }
}

/** A clock whose timeouts fire when they are told to. */
class ManualClock implements Clock {
  readonly timeouts = new Map<number, { callback: () => void; delayInMillis: number }>();
  #lastId = 0;

  now(): number {
    return 0;
  }

  setTimeout(callback: () => void, delayInMillis: number): number {
    this.timeouts.set(++this.#lastId, { callback, delayInMillis });
    return this.#lastId;
  }

  clearTimeout(id: number): void {
    this.timeouts.delete(id);
  }
}

function limits(clock = new ManualClock()) {
  return { clock, headerTimeoutInMillis: 3_000, maxHeaderLength: 4_096 };
}

async function readAll(transport: Transport, size: number): Promise<number[]> {
  const all: number[] = [];
  const buffer = new Uint8Array(size);
  for (let count; (count = await transport.read(buffer)) !== null;) {
    all.push(...buffer.subarray(0, count));
  }
  return all;
}

Deno.test("readProxyHeader() gives a stream of exactly what comes behind the header", async () => {
  const data = fc.uint8Array({ maxLength: 700 });
  const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.oneof(v1Configs, v2Configs), data, sizes, async (config, data, sizes) => {
      const header = new ProxyHeader(config);
      const bytes = Uint8Array.of(...writeProxyHeader(header), ...data);
      const pieces: Uint8Array[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = sizes[i % sizes.length]!;
        pieces.push(bytes.subarray(at, at += size));
      }
      const clock = new ManualClock();
      const proxied = await readProxyHeader(new ScriptedTransport(pieces, "end"), limits(clock));
      assertEquals(proxied.header, header);
      assertEquals(proxied.remoteAddr, header.source ?? PROXY);
      assertEquals(proxied.localAddr, HERE);
      assertEquals(await readAll(proxied, sizes[0]!), [...data]);
      assertEquals(await proxied.read(new Uint8Array(1)), null);
      assertEquals(clock.timeouts.size, 0);
    }),
    { seed: 30, numRuns: 200 },
  );
});

Deno.test("readProxyHeader() frees a stream that ends before or inside its header", async () => {
  for (let length = 0; length < HEADER_BYTES.length; length++) {
    const transport = new ScriptedTransport([HEADER_BYTES.subarray(0, length)], "end");
    if (length === 0) await transport.read(new Uint8Array(0));
    const error = await assertRejects(() => readProxyHeader(transport, limits()), ProxyHeaderError);
    assertEquals(error.problem, "truncated");
    assertEquals(transport.log, ["close"]);
  }
});

Deno.test("readProxyHeader() frees a stream that is cut inside its header", async () => {
  const cause = new Deno.errors.ConnectionReset("reset by peer");
  const transport = new ScriptedTransport([HEADER_BYTES.subarray(0, 5)], cause);
  const error = await assertRejects(() => readProxyHeader(transport, limits()), ProxyHeaderError);
  assertEquals([error.problem, error.cause], ["truncated", cause]);
  assert(error.message.endsWith("reset by peer after 5 bytes"), error.message);
  assertEquals(transport.log, ["close"]);
});

Deno.test("readProxyHeader() frees a stream that begins with anything else, reading no further", async () => {
  const request = new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n");
  const transport = new ScriptedTransport([request], "silence");
  const error = await assertRejects(() => readProxyHeader(transport, limits()), ProxyHeaderError);
  assertEquals([error.code, error.problem], ["frame", "signature"]);
  assertEquals(transport.log, ["close"]);
});

Deno.test("readProxyHeader() does not wait longer than it may", async () => {
  const clock = new ManualClock();
  const transport = new ScriptedTransport([HEADER_BYTES.subarray(0, 20)], "silence");
  const reading = readProxyHeader(transport, limits(clock));
  const [timeout] = clock.timeouts.values();
  assertEquals(timeout?.delayInMillis, 3_000);
  timeout!.callback();
  const error = await assertRejects(() => reading, GenericError, "longer than 3000 ms");
  assertEquals(error.code, "timed-out");
  assertEquals(transport.log, ["close"]);
});

Deno.test("readProxyHeader() gives up with the signal's reason", async () => {
  const stop = new AbortController();
  const transport = new ScriptedTransport([], "silence");
  const reading = readProxyHeader(transport, { ...limits(), signal: stop.signal });
  const reason = new Error("stopped");
  stop.abort(reason);
  assertEquals(await reading.catch((error) => error), reason);
  assertEquals(transport.log, ["close"]);
  const late = new ScriptedTransport([HEADER_BYTES], "silence");
  const refused = readProxyHeader(late, { ...limits(), signal: stop.signal });
  assertEquals(await refused.catch((error) => error), reason);
  assertEquals(late.log, ["close"]);
});

Deno.test("ProxiedTransport hands everything else on, and has no more than its stream has", async () => {
  const plain = new ScriptedTransport([HEADER_BYTES], "end");
  const proxied = await readProxyHeader(plain, limits());
  assertEquals([proxied.reset, proxied.setNoDelay], [undefined, undefined]);
  assertEquals(await proxied.write(new Uint8Array(3)), 3);
  await proxied.closeWrite();
  proxied.close();
  assertEquals(plain.log, ["write 3", "closeWrite", "close"]);

  const able = Object.assign(new ScriptedTransport([HEADER_BYTES], "end"), {
    reset: () => void able.log.push("reset"),
    setNoDelay: (on: boolean) => void able.log.push(`noDelay ${on}`),
  });
  const wrapped = await readProxyHeader(able, limits());
  wrapped.setNoDelay!(true);
  wrapped.reset!();
  assertEquals(able.log, ["noDelay true", "reset"]);
});

Deno.test("readProxyHeader() resets a refused stream where it can", async () => {
  const transport = Object.assign(new ScriptedTransport([new Uint8Array(1)], "end"), {
    reset: () => void transport.log.push("reset"),
  });
  await assertRejects(() => readProxyHeader(transport, limits()), ProxyHeaderError);
  assertEquals(transport.log, ["reset"]);
});
