import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type CaptureConfig, captured } from "../../src/debug/capture.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import type { Network } from "../../src/network/network.ts";
import { Client, Listener, type ListenerConfig } from "../../mod.ts";
import { Authority } from "../support/certificates.ts";
import { inFolder } from "../support/folder.ts";
import { listening } from "../support/listening.ts";
import { keptBytes, type ReadPacket, readPackets } from "../support/packets.ts";
import { printedDuring } from "../support/printed_during.ts";
import { text } from "../support/text.ts";

const authority = await Authority.make("Captures");
const localhost = await authority.sign();
const echo = { onBytes: (_caller: unknown, bytes: Uint8Array) => bytes };

/** Captures what a function does on a network. */
async function packetsOf(
  body: (network: Network) => Promise<void>,
  config: Partial<CaptureConfig> = {},
): Promise<ReadPacket[]> {
  const { stream, bytes } = keptBytes();
  await using network = captured(denoNetwork, { to: stream, ...config });
  await body(network);
  await network.close();
  const packets = readPackets(bytes());
  assertEquals(packets.map(({ isSound }) => isSound).filter((isSound) => isSound === false), []);
  return packets;
}

Deno.test("captured() has what one end still reads after the other one has closed, where it has both", async () => {
  const packets = await packetsOf(async (network) => {
    await using listener = new Listener(0, { interface: "127.0.0.1", network });
    await listener.start();
    await using client = await Client.connect({
      host: "127.0.0.1",
      port: listener.port,
      network,
    });
    // Taken only now: the client's end is the one that is told of.
    const { value: caller } = await listener[Symbol.asyncIterator]().next();
    await caller!.write("good bye");
    await caller!.close();
    assertEquals(text((await client.read(8))[0]), "good bye");
  });
  assertEquals(packets.map(({ payload }) => text(payload)).join(""), "good bye");
});

Deno.test("captured() writes to a stream that compresses", async () => {
  const { readable, writable } = new CompressionStream("gzip");
  const bytes = new Response(readable.pipeThrough(new DecompressionStream("gzip"))).bytes();
  await captured(denoNetwork, { to: writable }).close();
  const { length } = await bytes;
  assertEquals(length > 0, true);
});

/** What went to a port, and what came from there. */
function talkAt({ port }: Listener, packets: readonly ReadPacket[]): [string, string] {
  const said = (end: "from" | "to") =>
    packets.filter((packet) => packet[end].endsWith(`:${port}`))
      .map(({ payload }) => text(payload)).join("");
  return [said("to"), said("from")];
}

for (
  const [name, client, only] of [
    ["the listener's side", {}, "listener"],
    ["Deno's client", {}, "client"],
    ["node's client", { exposePeerCertificate: true }, "client"],
  ] as const
) {
  Deno.test(`captured() has in the clear what TLS carries: ${name}`, async () => {
    let listener!: Listener;
    const packets = await packetsOf(async (network) => {
      await using serving = await listening(echo, {
        secureSocket: localhost,
        ...(only === "listener" ? { network } : {}),
      });
      listener = serving;
      await using dialled = await Client.connect({
        host: "localhost",
        port: listener.port,
        secureSocket: { caCerts: [authority.cert], ...client },
        ...(only === "client" ? { network } : {}),
      });
      await dialled.write("secret");
      assertEquals(text((await dialled.read(6))[0]), "secret");
      await dialled.close();
    });
    assertEquals(talkAt(listener, packets), ["secret", "secret"]);
    const comments = packets.map(({ comment }) => comment).filter((said) => said !== undefined);
    assertEquals(comments.length, 1);
    assertStringIncludes(comments[0]!, "In the clear here");
  });
}

Deno.test("captured() has one stream in the clear before and after STARTTLS", async () => {
  for (const only of ["listener", "client"]) {
    let listener!: Listener;
    const packets = await packetsOf(async (network) => {
      await using serving = await listening({
        async onConnect(caller) {
          await caller.readLine();
          await caller.write("go\n");
          await caller.upgradeToTls();
          await caller.write(`got ${await caller.readLine()}\n`);
          await caller.close();
        },
      }, {
        secureSocket: { ...localhost, mode: "upgrade" },
        ...(only === "listener" ? { network } : {}),
      } as ListenerConfig);
      listener = serving;
      await using client = await Client.connect({
        host: "localhost",
        port: listener.port,
        ...(only === "client" ? { network } : {}),
      });
      await client.write("STARTTLS\n");
      await client.readLine();
      await client.upgradeToTls({ caCerts: [authority.cert] });
      await client.write("secret\n");
      assertEquals(await client.readLine(), "got secret");
    });
    assertEquals(talkAt(listener, packets), ["STARTTLS\nsecret\n", "go\ngot secret\n"], only);
  }
});

Deno.test("captured() has what comes in the clear where TLS is optional", async () => {
  let listener!: Listener;
  const packets = await packetsOf(async (network) => {
    await using serving = await listening(echo, {
      network,
      secureSocket: { ...localhost, mode: "optional" },
    });
    listener = serving;
    for (const isSecure of [false, true]) {
      await using client = await Client.connect({
        host: "localhost",
        port: listener.port,
        ...(isSecure ? { secureSocket: { caCerts: [authority.cert] } } : {}),
      });
      await client.write(isSecure ? "secret" : "open ");
      await client.read(5);
    }
  });
  assertEquals(talkAt(listener, packets), ["open secret", "open secret"]);
});

Deno.test("captured() tells once that the file cannot be written, and the network goes on", async () => {
  for (const isTold of [true, false]) {
    const told: unknown[] = [];
    const printed = await printedDuring(async () => {
      const onError = isTold ? { onError: (error: unknown) => told.push(error) } : {};
      await using network = captured(denoNetwork, { to: "/nonexistent/file", ...onError });
      await using listener = await listening(echo, { network });
      await using client = await Client.connect({ host: "127.0.0.1", port: listener.port });
      for (let i = 0; i < 3; i++) {
        await client.write("hello");
        assertEquals(text((await client.read(5))[0]), "hello");
      }
      await network.close();
      const { packets, droppedPackets, error } = network.stats();
      assertEquals([packets + droppedPackets >= 9, error?.code], [true, "unreachable"]);
    });
    assertEquals([told.length, printed.length], isTold ? [1, 0] : [0, 1]);
  }
});

Deno.test("captured() goes on where its error hook throws", async () => {
  const printed = await printedDuring(async () => {
    await using network = captured(denoNetwork, {
      to: "/nonexistent/file",
      onError: () => {
        throw new Error("odd");
      },
    });
    await network.close();
    await network.close();
  });
  assertEquals(printed.map(String), ["Error: odd"]);
});

Deno.test("captured() counts what it drops while the file takes nothing, and delays nobody", async () => {
  const gate = Promise.withResolvers<void>();
  const stuck = new WritableStream<Uint8Array>({ write: () => gate.promise });
  await using network = captured(denoNetwork, { to: stuck, maxQueuedBytes: 20_000 });
  await using listener = await listening(echo, { network });
  await using client = await Client.connect({ host: "127.0.0.1", port: listener.port });
  for (let i = 0; i < 10; i++) {
    await client.write(new Uint8Array(4_000));
    await client.read(4_000);
  }
  const { droppedPackets, queuedBytes } = network.stats();
  assertEquals([droppedPackets > 0, queuedBytes <= 20_000], [true, true]);
  gate.resolve();
});

Deno.test("captured() writes no more than it may, and only what is wanted", async () => {
  await inFolder(async (folder) => {
    const to = `${folder}/capture.pcapng`;
    await using network = captured(denoNetwork, { to, maxBytes: 2_000 });
    await using listener = await listening(echo, { network });
    await using client = await Client.connect({ host: "127.0.0.1", port: listener.port });
    await client.write(new Uint8Array(5_000));
    await client.read(5_000);
    await network.close();
    const { isFull, bytes } = network.stats();
    const file = await Deno.readFile(to);
    assertEquals([isFull, bytes, file.length <= 2_000], [true, file.length, true]);
    assertEquals(readPackets(file).length > 0, true);
  });
  const none = await packetsOf(async (network) => {
    await using listener = await listening(echo, { network });
    await using client = await Client.connect({ host: "127.0.0.1", port: listener.port, network });
    await client.write("hello");
    await client.read();
  }, { only: () => false });
  assertEquals(none, []);
});

Deno.test("captured() refuses what is no network, no target and no option", () => {
  const { stream: to } = keptBytes();
  for (
    const [wrong, type, says] of [
      [{ to, maxBytes: 10 }, RangeError, "maxBytes must be an integer 1024 or more: got 10"],
      [{ to, maxQueuedBytes: 0 }, RangeError, "maxQueuedBytes"],
      [{ to, snapLength: 63 }, RangeError, "snapLength must be an integer from 64 to 65535"],
      [{ to, maxBytes: null }, TypeError, "maxBytes must be a number: got null"],
      [{ to, maxQueuedBytes: null }, TypeError, "maxQueuedBytes must be a number: got null"],
      [{ to, snapLength: null }, TypeError, "snapLength must be a number: got null"],
      [{ to, onError: 1 }, TypeError, "onError must be a function"],
      [{ to, filter: 1 }, TypeError, "filter"],
      [{}, TypeError, "to must be a path"],
    ] as const
  ) assertThrows(() => captured(denoNetwork, wrong as never), type, says);
  assertThrows(() => captured({} as never, { to }), TypeError, "network must have the methods");
  assertEquals(to.locked, false);
});
