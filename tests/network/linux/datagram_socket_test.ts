import { assert, assertEquals, assertRejects } from "@std/assert";
import { linuxNetwork } from "../../../linux/mod.ts";
import { UdpClient } from "../../../src/udp/udp_client.ts";
import { UdpListener } from "../../../src/udp/udp_listener.ts";
import { ReadTimedOutError } from "../../../src/base/errors.ts";
import { assertCode } from "../../support/assert_code.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { localClient } from "../../support/udp_engines.ts";
import { bound, HERE } from "../../support/linux_datagrams.ts";
import { outputOf } from "../../support/program.ts";
import { text } from "../../support/text.ts";

linuxTest("LinuxDatagramSocket.close() ends a receive that waits", async () => {
  const { socket } = await bound();
  const receiving = socket.receive(new Uint8Array(9));
  socket.close();
  await assertRejects(() => receiving, Deno.errors.Interrupted);
});

linuxTest("UdpClient.connect() hears of a refused port, and goes on", async () => {
  const gone = localClient(linuxNetwork);
  const address = await gone.bound;
  await gone.close();
  await using client = new UdpClient({ port: 0 }, { network: linuxNetwork });
  await client.connect(address);
  const waiting = client.read();
  await client.write("a");
  await assertCode("unreachable", waiting);
  // Nobody waits: the next one is told. What is written is not lost by that.
  for (let i = 0; i < 200; i++) assertEquals(await client.write("b"), 1);
  await assertCode("unreachable", client.read());
  await client.write("refused");
  await using back = new UdpClient(address, { network: linuxNetwork });
  await back.bound;
  // The system tells this one of the refusal. It leaves all the same, and the next receive is told.
  await client.write("c");
  const [bytes, , from] = await back.receiveFrom();
  assertEquals(text(bytes), "c");
  await back.sendTo("d", from);
  await assertCode("unreachable", client.read());
  assertEquals(text((await client.read())[0]), "d");
});

linuxTest("UdpClient.connect() tells nobody that an earlier peer has refused", async () => {
  const gone = localClient(linuxNetwork);
  const address = await gone.bound;
  await gone.close();
  await using peer = localClient(linuxNetwork);
  const to = await peer.bound;
  // The system knows; a send was told; a receive was told, for which nobody waits any more.
  for (const writes of [1, 2, 3]) {
    await using client = localClient(linuxNetwork);
    await client.connect(address);
    if (writes === 3) {
      await assertRejects(() => client.read({ timeoutInMillis: 1 }), ReadTimedOutError);
    }
    for (let i = 0; i < writes; i++) await client.write("refused");
    await client.connect(to);
    const waiting = client.read();
    await client.write("hello");
    const [, , from] = await peer.receiveFrom();
    await peer.sendTo("answer", from);
    assertEquals(text((await waiting)[0]), "answer");
  }
});

linuxTest(
  "UdpListener with a peer that refuses everything serves it when it is there",
  async () => {
    const gone = localClient(linuxNetwork);
    const peer = await gone.bound;
    await gone.close();
    await using listener = new UdpListener(0, {
      interface: HERE,
      network: linuxNetwork,
      remoteHost: peer.host,
      remotePort: peer.port,
    });
    let callers = 0;
    listener.attach({
      onDatagram(caller, { data }) {
        callers++;
        // Many refusals in a row.
        for (let i = 0; i < 150; i++) void caller.sendBytes("late");
        return data;
      },
    });
    await listener.start();
    for (let i = 0; i < 3; i++) {
      const client = new UdpClient(peer, { network: linuxNetwork });
      await client.sendTo("hello", { host: HERE, port: listener.port });
      assertEquals((await client.receiveFrom())[1] > 0, true);
      await client.close();
    }
    assertEquals(callers, 3);
  },
);

linuxTest(
  "A connected socket hears only its peer in the system, and no groups after that",
  async () => {
    await using client = new UdpClient({ port: 0 }, { network: linuxNetwork });
    await using peer = localClient(linuxNetwork);
    await using stranger = localClient(linuxNetwork);
    await client.connect(await peer.bound);
    const to = { host: HERE, port: client.localPort };
    for (let i = 0; i < 5; i++) await stranger.sendTo("no", to);
    await peer.sendTo("yes", to);
    assertEquals(text((await client.read())[0]), "yes");
    assertEquals(client.droppedDatagrams, 0);
    await assertCode("unsupported", client.joinGroup("239.255.76.9"));
    // Of several peers the last one counts.
    await client.connect(await stranger.bound);
    await peer.sendTo("no", to);
    await stranger.sendTo("mark", to);
    assertEquals(text((await client.read())[0]), "mark");
    // Others can be sent to all the same.
    await client.sendTo("back", await peer.bound);
    assertEquals(text((await peer.receiveFrom())[0]), "back");
  },
);

linuxTest("UdpClient.connect() goes on hearing the groups that were joined before", async () => {
  const group = "239.255.76.10";
  await using client = new UdpClient({ port: 0 }, { network: linuxNetwork });
  await using peer = localClient(linuxNetwork);
  const { port } = await client.bound;
  await client.joinGroup(group, { interface: HERE });
  await client.connect(await peer.bound);
  await peer.sendTo("to all", { host: group, port });
  assertEquals(text((await client.read())[0]), "to all");
});

linuxTest("Sockets that come and go leave no descriptor", async () => {
  // Deno itself lets nobody look there who may not do everything.
  const open = async () => (await outputOf("ls", [`/proc/${Deno.pid}/fd`])).split("\n").length;
  await localClient(linuxNetwork).close();
  const before = await open();
  for (let i = 0; i < 300; i++) {
    const client = localClient(linuxNetwork);
    await client.sendTo("x", await client.bound);
    if (i % 2 === 0) await client.receiveFrom();
    await client.close();
  }
  // What earlier tests of the process have left is freed meanwhile, or ls has one more or less.
  const more = await open() - before;
  assert(more < 50, `${more} more`);
});
