import { assertEquals, assertThrows } from "@std/assert";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { printed } from "../../src/debug/printed.ts";
import type { Network } from "../../src/network/network.ts";
import {
  end,
  microtasksDrained,
  scriptedNetwork,
  scriptedTransport,
  VirtualClock,
} from "../../testing/mod.ts";
import { scriptedDatagrams } from "../support/scripted_datagrams.ts";
import { bytesOf } from "../support/text.ts";

Deno.test("printed() prints what goes through streams, with the time since it began", async () => {
  const clock = new VirtualClock();
  const texts: string[] = [];
  const stream = scriptedTransport(["answer", end()]);
  const inner: Network = { ...scriptedNetwork({ connects: [stream] }), clock };
  const network = printed(inner, { print: (text) => texts.push(text), maxBytes: 4 });
  await clock.advance(1_250);
  const transport = await network.connect({ hostname: "a", port: 1 });
  await transport.write(bytesOf("hi"));
  await transport.read(new Uint8Array(9));
  await transport.read(new Uint8Array(9));
  transport.close();
  await microtasksDrained();
  const ends = "tcp 127.0.0.1:40000 > 127.0.0.1:50000";
  const back = ends.replace(">", "<");
  assertEquals(texts, [
    `1.250 ${ends} connected`,
    `1.250 ${ends} 2 bytes\n00000000  68 69${" ".repeat(45)}|hi|`,
    `1.250 ${back} 6 bytes\n00000000  61 6e 73 77${" ".repeat(39)}|answ|\n2 more bytes`,
    `1.250 ${back} end`,
    `1.250 ${ends} end`,
  ]);
});

Deno.test("printed() prints nothing of the path of a peer that a terminal obeys", async () => {
  const texts: string[] = [];
  const remoteAddr = { transport: "unix", path: "/a\x1b[2J\n\x9bb" } as const;
  const stream = scriptedTransport([], { remoteAddr });
  const network = printed(scriptedNetwork({ connects: [stream] }), {
    print: (text) => texts.push(text),
  });
  (await network.connect({ hostname: "a", port: 1 })).close();
  await microtasksDrained();
  assertEquals(texts.map((text) => /\p{Cc}/u.test(text)), [false, false]);
});

Deno.test("printed() prints datagrams, and only what is wanted", async () => {
  const texts: string[] = [];
  const inner = scriptedDatagrams();
  const only = { ports: [9] };
  const network = printed(inner, { print: (text) => texts.push(text.split("\n")[0]!), only });
  const socket = await network.listenDatagram({ hostname: "127.0.0.1", port: 5_000 });
  const address = (port: number) => ({ transport: "udp", hostname: "192.0.2.1", port }) as const;
  void socket.send(bytesOf("a"), address(9));
  void socket.send(bytesOf("b"), address(10));
  const receiving = socket.receive(new Uint8Array(9));
  inner.sockets[0]!.deliver("abc");
  await receiving;
  await microtasksDrained();
  const told = texts.map((text) => text.slice(text.indexOf(" ") + 1));
  assertEquals(told, [
    "udp 127.0.0.1:5000 > 192.0.2.1:9 1 bytes",
    "udp 127.0.0.1:5000 < 127.0.0.1:9 3 bytes",
  ]);
});

Deno.test("printed() refuses what is no network, and unknown options", () => {
  assertThrows(() => printed({} as never), TypeError, "network must have the methods");
  assertThrows(() => printed(denoNetwork, { prnt: 1 } as never), TypeError, "use print");
  assertThrows(() => printed(denoNetwork, { print: 1 as never }), TypeError, "print must be");
  const nothing = { maxBytes: null as never };
  assertThrows(() => printed(denoNetwork, nothing), TypeError, "maxBytes must be a number");
});
