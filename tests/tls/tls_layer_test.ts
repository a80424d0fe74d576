import { assertEquals, assertRejects } from "@std/assert";
import { PassThrough } from "node:stream";
import type { TLSSocket } from "node:tls";
import { GenericError } from "../../src/base/errors.ts";
import type { Transport } from "../../src/network/network.ts";
import type { SecureInfo } from "../../src/network/secure_info.ts";
import { type ChoosePath, TlsLayer } from "../../src/tls/tls_layer.ts";
import { TlsStreams } from "../../src/tls/tls_streams.ts";
import { connectedTransports } from "../../testing/mod.ts";
import { Authority } from "../support/certificates.ts";
import { cutRecords, VERSIONS } from "../support/cut_records.ts";
import { readAll, writeAll } from "../support/read_all.ts";
import {
  loadDialer,
  loadServer,
  plainPair,
  securePair,
  shakeHands,
} from "../support/secure_pair.ts";
import { bytesOf } from "../support/text.ts";

const authority = await Authority.make("Tests");
const stranger = await Authority.make("Strangers");
const localhost = await authority.sign();
const caCerts = [authority.cert];

/** Deno's own engine, and node:tls. */
const ENGINES = [
  ["native client", { caCerts }],
  ["node client", { caCerts, exposePeerCertificate: true }],
] as const;

function closeBoth(...transports: Transport[]): void {
  for (const transport of transports) transport.close();
}

for (const [engine, by] of ENGINES) {
  Deno.test(`TlsLayer carries bytes both ways, also what came with the handshake (${engine})`, async () => {
    const [client, server] = await securePair(localhost, by);
    await writeAll(client, bytesOf("hello"));
    assertEquals(await readAll(server, 5), bytesOf("hello"));
    await writeAll(server, bytesOf("world"));
    assertEquals(await readAll(client, 5), bytesOf("world"));
    closeBoth(client, server);
  });

  Deno.test(`TlsLayer carries megabytes both ways at once (${engine})`, async () => {
    const [client, server] = await securePair(localhost, by);
    const content = new Uint8Array(3 * 1024 * 1024 + 7);
    for (let i = 0; i < content.length; i++) content[i] = i * 31 >> 3;
    const [, , atServer, atClient] = await Promise.all([
      writeAll(client, content),
      writeAll(server, content),
      readAll(server, content.length),
      readAll(client, content.length),
    ]);
    assertEquals(atServer, content);
    assertEquals(atClient, content);
    closeBoth(client, server);
  });

  Deno.test(`TlsLayer.closeWrite() ends one direction, the other goes on (${engine})`, async () => {
    const [client, server] = await securePair(localhost, by);
    await writeAll(client, bytesOf("ping"));
    await client.closeWrite();
    assertEquals(await readAll(server), bytesOf("ping"));
    assertEquals(await server.read(new Uint8Array(1)), null);
    await writeAll(server, bytesOf("pong"));
    await server.closeWrite();
    assertEquals(await readAll(client), bytesOf("pong"));
    closeBoth(client, server);
  });

  Deno.test(`TlsLayer tells a cut stream from its end (${engine})`, async () => {
    const plain = await plainPair();
    const { client, server } = await shakeHands(plain, localhost, by);
    await writeAll(server as Transport, bytesOf("half of i"));
    assertEquals(await readAll(client as Transport, 9), bytesOf("half of i"));
    plain[1].close();
    const error = await assertRejects(
      () => (client as Transport).read(new Uint8Array(1)),
      GenericError,
      "without the peer's close_notify",
    );
    assertEquals(error.code, "broken");
    (client as Transport).close();
    server as Transport & { close(): void };
  });
}

Deno.test("TlsLayer tells the listener's side of a cut stream, too", async () => {
  const plain = await plainPair();
  const { client, server } = await shakeHands(plain, localhost, {
    caCerts,
    exposePeerCertificate: true,
  });
  plain[0].close();
  await assertRejects(
    () => (server as Transport).read(new Uint8Array(1)),
    GenericError,
    "without the peer's close_notify",
  );
  closeBoth(server as Transport);
  assertEquals(client instanceof Error, false);
});

Deno.test("TlsLayer.close() says no goodbye on a stream that was cut", async () => {
  const plain = await plainPair();
  const by = { caCerts, exposePeerCertificate: true };
  const client = (await shakeHands(plain, localhost, by)).client as Transport;
  await plain[1].closeWrite();
  await assertRejects(() => client.read(new Uint8Array(1)), GenericError, "close_notify");
  client.close();
  assertEquals(await plain[1].read(new Uint8Array(100)), null);
  plain[1].close();
});

Deno.test("TlsLayer.read() that waits is told what is wrong, and the peer gets the alert", async () => {
  const plain = await plainPair();
  const ends = await shakeHands(plain, localhost, { caCerts, exposePeerCertificate: true });
  const [client, server] = [ends.client as Transport, ends.server as Transport];
  await writeAll(client, bytesOf("hello"));
  await writeAll(server, await readAll(server, 5));
  await readAll(client, 5);
  const reading = assertRejects(() => server.read(new Uint8Array(1)), Error, "decrypt");
  // A record that nobody has encrypted.
  await writeAll(plain[0], new Uint8Array([0x17, 3, 3, 0, 32, ...new Uint8Array(32)]));
  await reading;
  await assertRejects(() => server.write(bytesOf("too late")), Error);
  // In the middle of a conversation, that is none of the handshake; whoever writes is told the same.
  const error = await assertRejects(() => client.read(new Uint8Array(1)), GenericError);
  assertEquals([error.code, /fatal alert: \w+/.test(error.message)], ["broken", true]);
  assertEquals(await assertRejects(() => client.write(bytesOf("too late")), Error), error);
  closeBoth(client, server);
});

for (const [engine, by] of ENGINES) {
  Deno.test(`A client's first read tells an alert as the handshake's (${engine})`, async () => {
    const required = { ...localhost, clientAuth: "require", caCerts } as const;
    const refused = (await shakeHands(await plainPair(), required, by)).client as Transport;
    const early = await assertRejects(() => refused.read(new Uint8Array(1)), GenericError);
    assertEquals(early.code, "handshake");
    refused.close();
  });
}

Deno.test("TlsLayer may have more than a read brought that did not ask the stream", async () => {
  const [client, server] = await securePair(localhost, { caCerts, exposePeerCertificate: true });
  await writeAll(client, bytesOf("hello"));
  const piece = new Uint8Array(2);
  const said: unknown[] = [];
  for (let i = 0; i < 3; i++) said.push(await server.read(piece), server.mayHaveMore);
  assertEquals(said, [2, true, 2, true, 1, true]);
  const reading = server.read(piece);
  await writeAll(client, bytesOf("x"));
  assertEquals([await reading, server.mayHaveMore], [1, false]);
  closeBoth(client, server);
});

Deno.test("TlsLayer takes what an engine hands on in its events alone", async () => {
  const [near] = connectedTransports();
  const layer = new TlsLayer(near);
  const socket = new PassThrough({ allowHalfOpen: true });
  const secure = {} as SecureInfo;
  await layer.handshake((_, { agreed }) => agreed(socket as unknown as TLSSocket, secure));
  const reading = readAll(layer, 5);
  socket.emit("data", bytesOf("hello"));
  assertEquals(await reading, bytesOf("hello"));
  const end = layer.read(new Uint8Array(1));
  socket.emit("end");
  assertEquals(await end, null);
  layer.reset();
});

Deno.test("TlsLayer ends with what goes wrong in the engine, and the program lives", async () => {
  const [near, far] = connectedTransports();
  const broken = () => {
    throw new Error("the engine has changed");
  };
  const path = { decrypt: broken, answer: broken, write: () => Promise.resolve(1) };
  const layer = new TlsLayer(near, { choosePath: () => path });
  const socket = new PassThrough({ allowHalfOpen: true });
  const secure = {} as SecureInfo;
  await layer.handshake((_, { agreed }) => agreed(socket as unknown as TLSSocket, secure));
  const reading = assertRejects(() => layer.read(new Uint8Array(1)), Error, "has changed");
  await writeAll(far, bytesOf("hello"));
  await reading;
  await assertRejects(() => layer.write(bytesOf("x")), Error, "has changed");
  await assertRejects(() => layer.read(new Uint8Array(1)), Error, "has changed");
  layer.reset();
});

Deno.test("TlsLayer ends a read where the stream tells a count that cannot be", async () => {
  for (const count of [0, NaN, 100_000]) {
    const [near, far] = connectedTransports();
    near.read = () => Promise.resolve(count);
    const layer = new TlsLayer(near, {});
    const socket = new PassThrough({ allowHalfOpen: true });
    const secure = {} as SecureInfo;
    await layer.handshake((_, { agreed }) => agreed(socket as unknown as TLSSocket, secure));
    await assertRejects(() => layer.read(new Uint8Array(1)), TypeError, `it gave ${count}`);
    layer.reset();
    far.close();
  }
});

Deno.test("TlsLayer.close() ends a pending read, twice is once", async () => {
  const [client, server] = await securePair(localhost, { caCerts });
  const reading = assertRejects(() => server.read(new Uint8Array(1)), Error);
  server.close();
  await reading;
  client.close();
});

Deno.test("TlsLayer.secure tells what was agreed on", async () => {
  const [client, server] = await securePair({
    ...localhost,
    alpnProtocols: ["echo/2", "echo/1"],
  }, { caCerts, alpnProtocols: ["echo/1"], exposePeerCertificate: true });
  assertEquals(server.secure, {
    protocol: "TLSv1.3",
    alpnProtocol: "echo/1",
    serverName: "localhost",
    peerCertificate: undefined,
  });
  const { peerCertificate, ...rest } = client.secure!;
  assertEquals(rest, {
    protocol: "TLSv1.3",
    alpnProtocol: "echo/1",
    serverName: "localhost",
  });
  assertEquals(peerCertificate!.subject, "CN=localhost, O=Tests");
  assertEquals(peerCertificate!.issuer, "CN=Tests");
  assertEquals(peerCertificate!.subjectAltNames, [
    { type: "dns", value: "localhost" },
    { type: "ip", value: "127.0.0.1" },
  ]);
  closeBoth(client, server);
});
void stranger;

/** Both ends of a secure connection by node:tls in memory, and what the listener's side reads from. */
async function pairInMemory(path?: ChoosePath) {
  const [near, far] = connectedTransports();
  const server = await loadServer(localhost);
  const dialer = await loadDialer({ trustSystemCerts: false, caCerts });
  const options = path === undefined ? {} : { choosePath: path };
  const ends = await Promise.all([
    dialer.connect(near, "localhost", options),
    server.accept(far, options),
  ]);
  return [...ends, near, far] as const;
}

const BAD_RECORD = new Uint8Array([0x17, 3, 3, 0, 32, ...new Uint8Array(32)]);
const PATHS = [
  ["by the engine", undefined],
  ["by the streams", (socket, wire) => new TlsStreams(socket, wire)],
] as const satisfies readonly (readonly [string, ChoosePath | undefined])[];

for (const [how, path] of PATHS) {
  for (
    const [what, contents] of [
      ["a little", ["one", "two", "three"]],
      ["much", ["a".repeat(16_000), "b".repeat(5_000), "c"]],
    ] as const
  ) {
    Deno.test(`TlsLayer.read() gives what came in the same read as something bad, then tells of that (${what}, ${how})`, async () => {
      const [client, server, near, far] = await pairInMemory(path);
      if (what === "much") {
        // Only a peer that sends much is read in large pieces.
        const [content] = await Promise.all([
          readAll(server, 200_000),
          writeAll(client, new Uint8Array(200_000)),
        ]);
        assertEquals(content.length, 200_000);
      }
      // What the peer sends is held back, and arrives at once.
      const held: Uint8Array[] = [];
      near.write = (bytes) => {
        held.push(bytes.slice());
        return Promise.resolve(bytes.length);
      };
      for (const content of contents) await writeAll(client, bytesOf(content));
      held.push(BAD_RECORD);
      const { read } = far;
      far.read = (buffer) => {
        far.read = read;
        let length = 0;
        for (const part of held) {
          buffer.set(part, length);
          length += part.length;
        }
        return Promise.resolve(length);
      };
      const expected = bytesOf(contents.join(""));
      assertEquals(await readAll(server, expected.length), expected);
      await assertRejects(() => server.read(new Uint8Array(1)), Error, "decrypt");
      closeBoth(client, server);
    });
  }
}

Deno.test("TlsLayer counts a handshake as made where its client has gone before it got the tickets", async () => {
  for (const farewell of ["", "hello"]) {
    const [near, far] = connectedTransports();
    const [server, dialer] = [
      await loadServer(localhost),
      await loadDialer({ trustSystemCerts: false, caCerts }),
    ];
    const { write } = far;
    let flights = 0;
    // The client's system answers late bytes with a reset.
    far.write = (bytes) =>
      ++flights === 1
        ? write.call(far, bytes)
        : Promise.reject(new Deno.errors.BrokenPipe("Broken pipe"));
    const accepting = server.accept(far);
    const client = await dialer.connect(near, "localhost");
    await writeAll(client, bytesOf(farewell));
    await near.closeWrite();
    const layer = await accepting;
    assertEquals(flights, 2);
    assertEquals(await readAll(layer, farewell.length), bytesOf(farewell));
    await assertRejects(() => layer.write(bytesOf("x")), Deno.errors.BrokenPipe);
    await assertRejects(() => layer.read(new Uint8Array(1)), GenericError, "close_notify");
    closeBoth(client, layer);
  }
});

Deno.test("TlsLayer.handshake() fails where its own last word has not gone out", async () => {
  const [near, far] = connectedTransports();
  const server = await loadServer(localhost);
  const dialer = await loadDialer({ trustSystemCerts: false, caCerts });
  const { write } = near;
  let flights = 0;
  near.write = (bytes) =>
    ++flights === 1
      ? write.call(near, bytes)
      : Promise.reject(new Deno.errors.BrokenPipe("Broken pipe"));
  const accepting = server.accept(far).catch(() => undefined);
  await assertRejects(() => dialer.connect(near, "localhost"), Deno.errors.BrokenPipe);
  closeBoth(near);
  await accepting;
});

for (const [how, path] of PATHS) {
  Deno.test(`TlsLayer tells an alert in the conversation as broken, also on the listener's side (${how})`, async () => {
    const [client, server, near] = await pairInMemory(path);
    await writeAll(client, bytesOf("hello"));
    await readAll(server, 5);
    // The client finds a record that nobody has encrypted, and says so.
    const { read } = near;
    near.read = (buffer) => {
      near.read = read;
      buffer.set(BAD_RECORD);
      return Promise.resolve(BAD_RECORD.length);
    };
    await assertRejects(() => client.read(new Uint8Array(1)), Error, "decrypt");
    const told = await assertRejects(() => server.read(new Uint8Array(1)), GenericError);
    assertEquals([told.code, /fatal alert: \w+/.test(told.message)], ["broken", true]);
    assertEquals(await assertRejects(() => server.write(bytesOf("x")), Error), told);
    closeBoth(client, server);
  });
}

for (const version of VERSIONS) {
  Deno.test(`TlsLayer says what is arriving of a record of ${version}, and when more comes of it`, async () => {
    const [near, far] = await plainPair();
    const server = loadServer(localhost).then((it) => it.accept(far));
    const client = await cutRecords(near, authority.cert, version);
    const layer = await server;
    const lengths: number[] = [];
    let isMore = Promise.withResolvers<void>();
    layer.arriving!.onMore = () => {
      lengths.push(layer.arriving!.length);
      isMore.resolve();
      isMore = Promise.withResolvers();
    };
    await client.send(await client.seal(bytesOf("hello")));
    assertEquals(await readAll(layer, 5), bytesOf("hello"));
    assertEquals(layer.arriving!.length, 0);
    const record = await client.seal(new Uint8Array(1_000));
    const reading = readAll(layer, 1_000);
    let at = 0;
    for (const end of [3, 5, 29, 529]) {
      const more = isMore.promise;
      await client.send(record.subarray(at, at = end));
      await more;
    }
    await client.send(record.subarray(at));
    assertEquals(await reading, new Uint8Array(1_000));
    assertEquals([lengths, layer.arriving!.length], [[1, 1, 1, 500], 0]);
    client.close();
    layer.close();
  });
}
