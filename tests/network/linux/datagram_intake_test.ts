import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { linuxNetwork } from "../../../linux/mod.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { localClient } from "../../support/udp_engines.ts";
import * as abi from "../../../src/network/linux/abi.ts";
import { must } from "../../../src/network/linux/errno.ts";
import { libc } from "../../../src/network/linux/libc.ts";
import { ipSocketAddress } from "../../../src/network/linux/sockaddr.ts";
import {
  bindTo,
  closeDescriptor,
  openSocket,
  ownAddress,
} from "../../../src/network/linux/socket.ts";
import type { DatagramAddress } from "../../../src/network/network.ts";
import { UdpClient } from "../../../src/udp/udp_client.ts";
import { bound, sendAll, until } from "../../support/linux_datagrams.ts";
import { text } from "../../support/text.ts";

linuxTest(
  "LinuxDatagramSocket.tryReceiveAll() hands out as many as are wanted, and keeps the rest",
  async () => {
    using here = await bound();
    using there = await bound();
    const contents = Array.from({ length: 200 }, (_, i) => String(i));
    for (let i = 0; i < 200; i += 50) {
      assertEquals(sendAll(there.socket, here.socket, contents.slice(i, i + 50)), 50);
    }
    const got: string[] = [];
    const take = (most: number, wanted: number) => {
      const end = got.length + wanted;
      return here.socket.tryReceiveAll!(most, (bytes) => got.push(text(bytes)) < end);
    };
    await until(here.socket);
    assertEquals([take(10, 10), take(1, 5), take(100, 3), take(0, 1)], [10, 1, 3, 0]);
    // What is kept is not in the memory of others.
    using other = await bound();
    sendAll(there.socket, other.socket, Array.from({ length: 40 }, () => "?"));
    assertEquals((await other.texts(1))[0], "?");
    await until(other.socket);
    other.socket.tryReceiveAll!(64, () => true);
    while (got.length < 200) {
      await until(here.socket);
      take(256, 256);
    }
    assertEquals(got, contents);
    assertEquals(take(256, 256), 0);
  },
);

linuxTest("LinuxDatagramSocket.close() from within hands out nothing more", async () => {
  const { socket } = await bound();
  using there = await bound();
  assertEquals(sendAll(there.socket, socket, ["a", "b"]), 2);
  await until(socket);
  socket.whenReadable!(() => {});
  const waiting = socket.receive(new Uint8Array(9)).catch((error) => error);
  assertEquals(text((await waiting)[0]), "a");
  assertEquals(socket.tryReceiveAll!(9, () => void socket.close() !== undefined), 1);
  const gone = Deno.errors.BadResource;
  assertThrows(() => socket.tryReceiveAll!(9, () => true), gone);
  assertThrows(() => socket.trySendAll!([], 0), gone);
  assertThrows(() => socket.close(), gone);
  await assertRejects(() => socket.receive(new Uint8Array(9)), gone);
  await assertRejects(() => socket.send(new Uint8Array(9), there.socket.addr), gone);
});

linuxTest("UdpClient.stats() of an inherited socket begins when it is taken over", async () => {
  const kept = openSocket(abi.AF_INET, abi.SOCK_DGRAM);
  bindTo(kept, ipSocketAddress("127.0.0.1", 0));
  const { port } = ownAddress(kept, "udp") as DatagramAddress;
  await using sender = localClient(linuxNetwork);
  for (let i = 0; i < 400; i++) {
    await sender.sendTo(new Uint8Array(1_400), { host: "127.0.0.1", port });
  }
  // A number is taken once in the life of a process.
  const given = must("fcntl", () => libc().fcntl(kept, abi.F_DUPFD_CLOEXEC, 700));
  const client = new UdpClient({ port: 0 }, { network: linuxNetwork, inherited: given });
  await client.bound;
  assertEquals([client.localPort, client.droppedDatagrams], [port, 0]);
  await client.receiveFrom();
  for (let i = 0; i < 100; i++) {
    await sender.sendTo(new Uint8Array(1_400), { host: "127.0.0.1", port });
  }
  const { received, dropped } = client.stats();
  assert(dropped["queue-limit"] > 0 && dropped["queue-limit"] <= 100);
  assertEquals(received.datagrams, 1 + dropped["queue-limit"]);
  await client.close();
  assertEquals(client.stats().received, received);
  closeDescriptor(kept);
});

linuxTest("UdpClient.droppedDatagrams counts what the system had no room for", async () => {
  const client = localClient(linuxNetwork);
  await using sender = localClient(linuxNetwork);
  const to = await client.bound;
  for (let i = 0; i < 400; i++) await sender.sendTo(new Uint8Array(1_400), to);
  const dropped = client.droppedDatagrams;
  assert(dropped > 0 && dropped < 400, `${dropped} were dropped`);
  let received = 0;
  for (; received < 400 - dropped; received++) await client.receiveFrom();
  await client.close();
  assertEquals(client.droppedDatagrams, dropped);
  // What was dropped has reached the socket, too, but the system does not tell how many bytes that were.
  assertEquals(client.stats().received, { datagrams: 400, bytes: 1_400 * (400 - dropped) });
  assertEquals(client.stats().dropped["queue-limit"], dropped);
});
