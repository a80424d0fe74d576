import { assertEquals, assertRejects } from "@std/assert";
import type { TLSSocket } from "node:tls";
import { TlsEngine } from "../../src/tls/tls_engine.ts";
import { TlsStreams } from "../../src/tls/tls_streams.ts";
import { TlsWire } from "../../src/tls/tls_wire.ts";
import { connectedTransports, microtasksDrained, VirtualClock } from "../../testing/mod.ts";
import { Authority } from "../support/certificates.ts";
import { joined } from "../support/joined.ts";
import { isPending } from "../support/scripted_connection.ts";
import { takingTransport } from "../support/taking_transport.ts";
import { loadDialer, loadServer } from "../support/secure_pair.ts";

const clock = new VirtualClock();

/** A record as an engine makes it of content: a header, and 17 bytes more. */
function record(length: number): Uint8Array {
  const bytes = new Uint8Array(5 + length + 17);
  bytes.set([23, 3, 3, length + 17 >> 8, length + 17 & 255]);
  return bytes;
}

/** An engine that the test plays, over a transport that takes bytes when the test says so. */
function play() {
  const { transport, offered, takes } = takingTransport();
  const given: number[] = [];
  const outputs: Uint8Array[] = [];
  let status = 0;
  class Handle {
    readBuffer(): void {}
    writeBuffer(_: object, { length }: Uint8Array): number {
      given.push(length);
      return status;
    }
    drainEncOut(): Uint8Array {
      return outputs.shift() ?? new Uint8Array(0);
    }
  }
  const socket = { _handle: new Handle() } as unknown as TLSSocket;
  const engine = TlsEngine.of(socket, new TlsWire(transport))!;
  const refuse = () => status = -1;
  return { engine, takes, offered, given, outputs, refuse };
}

Deno.test("TlsEngine.of() finds the engine of this runtime, under a client and under a server", async () => {
  const authority = await Authority.make("Tests");
  const server = await loadServer(await authority.sign());
  const dialer = await loadDialer({ trustSystemCerts: false, caCerts: [authority.cert] });
  const [near, far] = connectedTransports();
  let found = 0;
  const choosePath = (socket: TLSSocket, wire: TlsWire) => {
    const engine = TlsEngine.of(socket, wire);
    if (engine !== undefined) found++;
    return engine ?? new TlsStreams(socket, wire);
  };
  const ends = await Promise.all([
    dialer.connect(near, "localhost", { choosePath }),
    server.accept(far, { choosePath }),
  ]);
  assertEquals(found, 2);
  for (const end of ends) end.close();
});

Deno.test("TlsEngine.of() leaves sockets alone whose engine has not all that is needed", () => {
  const whole = { readBuffer() {}, drainEncOut() {}, writeBuffer() {} };
  const wire = new TlsWire(connectedTransports()[0]);
  const of = (handle: unknown) => TlsEngine.of({ _handle: handle } as unknown as TLSSocket, wire);
  assertEquals(of(Object.create(whole)) === undefined, false);
  assertEquals(TlsEngine.of({} as TLSSocket, wire), undefined);
  assertEquals(of(null), undefined);
  for (const name of Object.keys(whole)) {
    assertEquals(of(Object.create({ ...whole, [name]: undefined })), undefined, name);
  }
});

Deno.test("TlsEngine.write() resolves when the transport has all of it, and gives the memory back", async () => {
  const { engine, takes, given, outputs } = play();
  const sealed = record(16_384);
  outputs.push(sealed);
  const writing = engine.write(new Uint8Array(16_384));
  assertEquals(await isPending(clock, writing), true);
  takes[0]!(sealed.length);
  assertEquals(await writing, 16_384);
  assertEquals([given, sealed.length], [[16_384], 0]);
  assertEquals(await engine.write(new Uint8Array(0)), 0);
});

Deno.test("TlsEngine.write() tells what the transport has of it, and does not seal the rest again", async () => {
  const { engine, takes, offered, given, outputs } = play();
  const content = new Uint8Array(60_000);
  // The engine's own records go first, and are no content.
  outputs.push(joined([100, 16_384, 16_384, 16_384].map(record)));
  const first = engine.write(content);
  takes.shift()!(122 + 13);
  assertEquals(await isPending(clock, first), true);
  takes.shift()!(1);
  assertEquals(await first, 1);
  // Taken while nobody waited: reported at once.
  takes.shift()!(16_392 + 16_406 + 13 + 9);
  await microtasksDrained();
  assertEquals(await engine.write(content.subarray(1)), 32_776);
  const third = engine.write(content.subarray(32_777));
  // All of the content, but not the end of its record.
  takes.shift()!(16_383);
  assertEquals(await third, 16_374);
  const fourth = engine.write(content.subarray(49_151));
  assertEquals(await isPending(clock, fourth), true);
  takes.shift()!(1);
  assertEquals(await fourth, 1);
  assertEquals(given, [49_152]);
  outputs.push(record(10_848));
  const rest = engine.write(content.subarray(49_152));
  takes.shift()!(10_870);
  assertEquals(await rest, 10_848);
  assertEquals([given, offered.at(-1)], [[49_152, 10_848], 10_870]);
});

Deno.test("TlsEngine.write() rejects where it is given others than those that were not sent", async () => {
  const { engine, takes, outputs } = play();
  outputs.push(record(10_000));
  const first = engine.write(new Uint8Array(10_000));
  takes.shift()!(1_013);
  assertEquals(await first, 1_000);
  const other = assertRejects(() => engine.write(new Uint8Array(5)), Error, "9000 bytes were sent");
  takes.shift()!(10_022 - 1_013);
  await other;
});

Deno.test("TlsEngine.write() rejects with what sending failed with, now and from now on", async () => {
  const { engine, takes, outputs } = play();
  outputs.push(record(10));
  const writing = engine.write(new Uint8Array(10));
  takes.shift()!(16);
  assertEquals(await writing, 3);
  const next = assertRejects(() => engine.write(new Uint8Array(7)), Deno.errors.BrokenPipe);
  takes.shift()!(Promise.reject(new Deno.errors.BrokenPipe("gone")));
  await next;
  await assertRejects(() => engine.write(new Uint8Array(10)), Deno.errors.BrokenPipe);
});

Deno.test("TlsEngine.write() rejects where the engine does not give out what it was given", async () => {
  const silent = play();
  await assertRejects(() => silent.engine.write(new Uint8Array(10)), Error, "0 bytes of 10:");
  const refusing = play();
  refusing.refuse();
  refusing.outputs.push(record(10));
  await assertRejects(() => refusing.engine.write(new Uint8Array(10)), Error, "32 bytes of 10:");
});

Deno.test("TlsEngine.answer() sends what the engine has to say, if anything", () => {
  const { engine, offered, outputs } = play();
  engine.answer();
  outputs.push(record(2));
  engine.answer();
  assertEquals(offered, [24]);
});
