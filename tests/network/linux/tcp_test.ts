import { assertEquals, assertRejects } from "@std/assert";
import { linuxNetwork } from "../../../linux/mod.ts";
import * as abi from "../../../src/network/linux/abi.ts";
import { EAGAIN, ECONNREFUSED, EINPROGRESS, ENOENT } from "../../../src/network/linux/errno.ts";
import { option } from "../../../src/network/linux/socket.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { lying } from "../../support/lying_errno.ts";

const descriptorOf = (transport: unknown) => (transport as { descriptor: number }).descriptor;

linuxTest("listenTcp() and connectTcp() tell the same addresses as Deno's own", async () => {
  for (
    const [hostname, seen] of [["127.0.0.1", "127.0.0.1"], ["::", "::ffff:127.0.0.1"]] as const
  ) {
    const listener = await linuxNetwork.listen({ hostname, port: 0, backlog: 8 });
    const { port } = listener.addr as Deno.NetAddr;
    assertEquals(listener.addr, { transport: "tcp", hostname, port });
    const [client, server] = await Promise.all([
      Deno.connect({ hostname: "127.0.0.1", port }),
      listener.accept(),
    ]);
    assertEquals(server.localAddr, { transport: "tcp", hostname: seen, port });
    assertEquals(server.remoteAddr, {
      transport: "tcp",
      hostname: seen,
      port: (client.localAddr as Deno.NetAddr).port,
    });
    client.close();
    server.close();
    listener.close();
  }
});

linuxTest("connectTcp() tries all addresses of a name, and binds a local one", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const client = await linuxNetwork.connect({
    hostname: "localhost",
    port,
    localAddress: "127.0.0.7",
    keepAliveInMillis: 61_000,
  });
  const server = await listener.accept();
  assertEquals(server.remoteAddr.hostname, "127.0.0.7");
  assertEquals(client.remoteAddr, { transport: "tcp", hostname: "127.0.0.1", port });
  const descriptor = descriptorOf(client);
  assertEquals(option(descriptor, abi.SOL_SOCKET, abi.SO_KEEPALIVE), 1);
  assertEquals(option(descriptor, abi.IPPROTO_TCP, abi.TCP_KEEPIDLE), 61);
  client.close();
  server.close();
});

linuxTest("connectTcp() rejects as Deno's own does", async () => {
  const listener = await linuxNetwork.listen({ hostname: "127.0.0.1", port: 0, backlog: 8 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  for (const network of [linuxNetwork, { connect: Deno.connect, listen: Deno.listen }]) {
    const refused = await assertRejects(
      () => network.connect({ hostname: "127.0.0.1", port }),
      Deno.errors.ConnectionRefused,
    );
    assertEquals(refused.message, "Connection refused (os error 111)");
    await assertRejects(
      async () => await network.listen({ hostname: "192.0.2.1", port: 0, backlog: 1 }),
      Deno.errors.AddrNotAvailable,
    );
    using held = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await assertRejects(
      async () => await network.listen({ hostname: "127.0.0.1", port: held.addr.port, backlog: 1 }),
      Deno.errors.AddrInUse,
    );
  }
});

linuxTest(
  "connectTcp() that is given up frees its socket, and rejects with the reason",
  async () => {
    // A queue that is full answers nobody.
    using _full = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
    const { port } = _full.addr;
    const taken = await Promise.all(
      [1, 2].map(() => Deno.connect({ hostname: "127.0.0.1", port })),
    );
    const controller = new AbortController();
    const connecting = assertRejects(
      () => linuxNetwork.connect({ hostname: "127.0.0.1", port, signal: controller.signal }),
      Error,
      "enough",
    );
    await new Promise((turn) => setImmediate(turn));
    controller.abort(new Error("enough"));
    await connecting;
    await assertRejects(
      () => linuxNetwork.connect({ hostname: "127.0.0.1", port, signal: controller.signal }),
      Error,
      "enough",
    );
    for (const each of taken) each.close();
  },
);

linuxTest("connectTcp() connects, and is refused, whatever errno says first", async () => {
  for (const lie of [ENOENT, ECONNREFUSED, EINPROGRESS, EAGAIN, 0]) {
    let asked = 0;
    using _look = lying((real) => asked++ === 0 ? lie : real());
    const listener = await linuxNetwork.listen({ hostname: "127.0.0.1", port: 0, backlog: 8 });
    const { port } = listener.addr as Deno.NetAddr;
    const [client, server] = await Promise.all([
      linuxNetwork.connect({ hostname: "127.0.0.1", port }),
      listener.accept(),
    ]);
    for (const each of [client, server, listener]) each.close();
    asked = 0;
    await assertRejects(
      () => linuxNetwork.connect({ hostname: "127.0.0.1", port }),
      Deno.errors.ConnectionRefused,
    );
  }
});
