import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { linuxNetwork } from "../../../linux/mod.ts";
import { EAGAIN, EBADF, EMFILE } from "../../../src/network/linux/errno.ts";
import { libc } from "../../../src/network/linux/libc.ts";
import type { Transport, TransportListener } from "../../../src/network/network.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { lying } from "../../support/lying_errno.ts";

const listen = () => linuxNetwork.listen({ hostname: "127.0.0.1", port: 0, backlog: 128 });

function connect(listener: TransportListener): Promise<Transport> {
  const { port } = listener.addr as Deno.NetAddr;
  return linuxNetwork.connect({ hostname: "127.0.0.1", port });
}

linuxTest(
  "LinuxListener.accept() takes all that wait, also more than are taken in a turn",
  async () => {
    const listener = await listen();
    const clients = await Promise.all(Array.from({ length: 100 }, () => connect(listener)));
    const ports = new Set<number>();
    for (let i = 0; i < clients.length; i++) {
      const accepted = await listener.accept();
      ports.add((accepted.remoteAddr as Deno.NetAddr).port);
      accepted.close();
    }
    assertEquals(ports, new Set(clients.map((it) => (it.localAddr as Deno.NetAddr).port)));
    for (const client of clients) client.close();
    listener.close();
  },
);

linuxTest("LinuxListener.accept() rejects on close(), and ever after", async () => {
  const listener = await listen();
  const { port } = listener.addr as Deno.NetAddr;
  const waiting = assertRejects(() => listener.accept(), Deno.errors.BadResource);
  await assertRejects(() => listener.accept(), Deno.errors.Busy);
  listener.close();
  // The port is free at once.
  const next = await linuxNetwork.listen({ hostname: "127.0.0.1", port, backlog: 1 });
  next.close();
  await waiting;
  await assertRejects(() => listener.accept(), Deno.errors.BadResource);
  assertThrows(() => listener.close(), Deno.errors.BadResource);
});

linuxTest("LinuxListener.accept() waits, whatever errno says of an empty queue first", async () => {
  for (const lie of [EBADF, EMFILE, 0]) {
    const listener = await listen();
    const [client, server] = await Promise.all([connect(listener), listener.accept()]);
    let asked = 0;
    using _look = lying((real) => asked++ === 0 ? lie : real());
    const waiting = listener.accept();
    assertEquals(asked, 2);
    const [other, next] = await Promise.all([connect(listener), waiting]);
    for (const each of [client, server, other, next, listener]) each.close();
  }
});

linuxTest(
  "LinuxListener.accept() leaves nobody waiting for a lie about why it failed",
  async () => {
    const listener = await listen();
    const functions = libc() as { accept4: ReturnType<typeof libc>["accept4"] };
    const { accept4 } = functions;
    let failures = 0;
    functions.accept4 = (...parameters) => {
      // As where the program is short of descriptors for a moment.
      return failures++ === 0 ? -1 : accept4(...parameters);
    };
    try {
      const accepting = listener.accept();
      failures = 0;
      using _look = lying((real) => failures === 1 ? EAGAIN : real());
      const [client, server] = await Promise.all([connect(listener), accepting]);
      for (const each of [client, server, listener]) each.close();
    } finally {
      functions.accept4 = accept4;
    }
  },
);
