import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { GenericError } from "../../src/base/errors.ts";
import { readProxyHeader } from "../../src/proxy/proxied_transport.ts";
import { ProxyHeader } from "../../src/proxy/proxy_header.ts";
import { ProxyHeaderError } from "../../src/proxy/proxy_header_error.ts";
import { writeProxyHeader } from "../../src/proxy/proxy_protocol.ts";
import type { Transport } from "../../src/network/network.ts";
import { fail, scriptedTransport, silence, type Step, VirtualClock } from "../../testing/mod.ts";
import { asRead, v1Configs, v2Configs } from "../support/proxy_headers.ts";
import { readAll } from "../support/read_all.ts";
import { tcp } from "../support/tcp.ts";

const PROXY = tcp("10.0.0.1", 5);
const HERE = tcp("10.0.0.2", 80);
const CLIENT = tcp("192.0.2.1", 7);
const HEADER_BYTES = writeProxyHeader(new ProxyHeader({ source: CLIENT, destination: HERE }));

function from(...script: (Uint8Array | string | Step)[]) {
  return scriptedTransport(script, { localAddr: HERE, remoteAddr: PROXY });
}

function limits(clock = new VirtualClock()) {
  return { clock, headerTimeoutInMillis: 3_000, maxHeaderLength: 4_096 };
}

Deno.test("readProxyHeader() gives a stream of exactly what comes behind the header", async () => {
  const data = fc.uint8Array({ maxLength: 700 });
  const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.oneof(v1Configs, v2Configs), data, sizes, async (config, data, sizes) => {
      const written = new ProxyHeader(config);
      const header = asRead(written);
      const bytes = Uint8Array.of(...writeProxyHeader(written), ...data);
      const pieces: Uint8Array[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = sizes[i % sizes.length]!;
        pieces.push(bytes.subarray(at, at += size));
      }
      const clock = new VirtualClock();
      const proxied = await readProxyHeader(from(...pieces), limits(clock));
      assertEquals(proxied.header, header);
      assertEquals(proxied.remoteAddr, header.source ?? PROXY);
      assertEquals(proxied.localAddr, HERE);
      assertEquals(await readAll(proxied, Infinity, sizes[0]!), data);
      assertEquals(await proxied.read(new Uint8Array(1)), null);
      assertEquals(clock.pending, 0);
    }),
    { seed: 30, numRuns: 200 },
  );
});

Deno.test("readProxyHeader() frees a stream that ends before or inside its header", async () => {
  for (let length = 0; length < HEADER_BYTES.length; length++) {
    const transport = from(HEADER_BYTES.subarray(0, length));
    const error = await assertRejects(() => readProxyHeader(transport, limits()), ProxyHeaderError);
    assertEquals(error.problem, "truncated");
    assert(error.message.endsWith(`after ${length} bytes`), error.message);
    assertEquals(transport.isClosed, true);
  }
});

Deno.test("readProxyHeader() frees a stream that is cut inside its header", async () => {
  const cause = new Deno.errors.ConnectionReset("reset by peer");
  const transport = from(HEADER_BYTES.subarray(0, 5), fail(cause));
  const error = await assertRejects(() => readProxyHeader(transport, limits()), ProxyHeaderError);
  assertEquals([error.problem, error.cause], ["truncated", cause]);
  assert(error.message.endsWith("reset by peer after 5 bytes"), error.message);
  assertEquals(transport.isClosed, true);
});

Deno.test("readProxyHeader() refuses a stream that begins with anything else, reading no further", async () => {
  const transport = from("GET / HTTP/1.1\r\n\r\n", silence());
  const error = await assertRejects(() => readProxyHeader(transport, limits()), ProxyHeaderError);
  assertEquals([error.code, error.problem], ["frame", "signature"]);
  assertEquals(transport.calls, ["read 536", "reset"]);
});

Deno.test("readProxyHeader() waits no longer than it may, however steadily bytes come", async () => {
  const clock = new VirtualClock();
  const transport = from(silence());
  const reading = readProxyHeader(transport, limits(clock));
  for (let i = 0; i < 20; i++) {
    await clock.advance(149);
    transport.say(HEADER_BYTES.subarray(i, i + 1), silence());
  }
  await clock.advance(19);
  assertEquals(transport.isClosed, false);
  const refused = assertRejects(() => reading, GenericError, "longer than 3000 ms");
  await clock.advance(1);
  assertEquals((await refused).code, "timed-out");
  assertEquals([transport.isClosed, clock.pending], [true, 0]);
});

Deno.test("readProxyHeader() gives up with the signal's reason", async () => {
  const stop = new AbortController();
  const transport = from(silence());
  const reading = readProxyHeader(transport, { ...limits(), signal: stop.signal });
  const reason = new Error("stopped");
  stop.abort(reason);
  assertEquals(await reading.catch((error) => error), reason);
  assertEquals(transport.isClosed, true);
  const late = from(HEADER_BYTES);
  const refused = readProxyHeader(late, { ...limits(), signal: stop.signal });
  assertEquals(await refused.catch((error) => error), reason);
  assertEquals(late.calls, ["reset"]);
});

Deno.test("ProxiedTransport hands everything else on, and has no more than its stream has", async () => {
  const able = from(HEADER_BYTES);
  const wrapped = await readProxyHeader(able, limits());
  wrapped.setNoDelay!(true);
  assertEquals(await wrapped.write(new Uint8Array(3)), 3);
  await wrapped.closeWrite();
  wrapped.reset!();
  assertEquals(able.calls.slice(1), ["setNoDelay true", "write 3", "closeWrite", "reset"]);

  const { localAddr, remoteAddr } = able;
  const scripted = from(HEADER_BYTES);
  const plain: Transport = {
    localAddr,
    remoteAddr,
    read: (buffer) => scripted.read(buffer),
    write: (bytes) => scripted.write(bytes),
    closeWrite: () => scripted.closeWrite(),
    close: () => scripted.close(),
  };
  const proxied = await readProxyHeader(plain, limits());
  assertEquals([proxied.reset, proxied.setNoDelay], [undefined, undefined]);
  proxied.close();
  assertEquals(scripted.calls.at(-1), "close");
});

Deno.test("readProxyHeader() closes a refused stream that cannot be reset", async () => {
  const scripted = from("x");
  const plain = {
    localAddr: HERE,
    remoteAddr: PROXY,
    read: (buffer: Uint8Array) => scripted.read(buffer),
    close: () => scripted.close(),
  } as Transport;
  await assertRejects(() => readProxyHeader(plain, limits()), ProxyHeaderError);
  assertEquals(scripted.calls.at(-1), "close");
});

Deno.test("readProxyHeader() frees a stream whose read tells a count that cannot be", async () => {
  for (const count of [0, NaN, undefined, 537]) {
    let calls = 0;
    const transport = from();
    // It ends after a while: a test that never ends would tell nothing.
    transport.read = () => Promise.resolve(++calls > 100 ? null : count as number);
    const error = await assertRejects(() => readProxyHeader(transport, limits()), ProxyHeaderError);
    assertStringIncludes(error.message, `it gave ${count} after 0 bytes`);
    assertEquals([calls, transport.isClosed], [1, true]);
  }
});
