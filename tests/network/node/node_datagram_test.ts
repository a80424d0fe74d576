import { assert, assertEquals, assertRejects } from "@std/assert";
import { nodeNetwork, SocketError, UdpClient } from "../../../mod.ts";
import { bindNodeDatagram } from "../../../src/network/node/node_datagram.ts";
import { scriptOutput } from "../../support/script_output.ts";

const bind = () => bindNodeDatagram({ hostname: "127.0.0.1", port: 0 });

Deno.test("bindNodeDatagram() keeps what comes while nobody receives, up to a limit", async () => {
  const receiver = await bindNodeDatagram({ hostname: "127.0.0.1", port: 0 }, 3 * (256 + 100));
  const sender = await bind();
  for (let i = 0; i < 8; i++) await sender.send(new Uint8Array(100).fill(i), receiver.addr);
  while (receiver.droppedDatagrams! < 5) await new Promise((resolve) => setTimeout(resolve, 0));
  const buffer = new Uint8Array(1_000);
  const receive = async () => (await receiver.receive(buffer))[0];
  for (let i = 0; i < 3; i++) {
    const received = await receive();
    assertEquals([received.length, received[0]], [100, i]);
    assert(received.buffer === buffer.buffer);
  }
  await sender.send(new Uint8Array(1_000), receiver.addr);
  assertEquals((await receive()).length, 1_000);
  await Promise.all([receiver.close(), sender.close()]);
});

Deno.test("bindNodeDatagram() fills the buffer and drops the rest, as the system does", async () => {
  const receiver = await bind();
  const sender = await bind();
  const waiting = receiver.receive(new Uint8Array(2));
  await sender.send(new Uint8Array([1, 2, 3]), receiver.addr);
  assertEquals((await waiting)[0], new Uint8Array([1, 2]));
  await Promise.all([receiver.close(), sender.close()]);
});

Deno.test("bindNodeDatagram() ends a pending receive when it is closed, and later ones", async () => {
  const socket = await bind();
  const waiting = assertRejects(() => socket.receive(new Uint8Array(1)), Deno.errors.Interrupted);
  await Promise.all([socket.close(), socket.close()]);
  await waiting;
  await assertRejects(() => socket.receive(new Uint8Array(1)), Deno.errors.BadResource);
});

Deno.test("bindNodeDatagram() ends a send that had not begun when it is closed", async () => {
  const socket = await bind();
  const sent = await socket.send(new Uint8Array(3), socket.addr);
  assertEquals(sent, 3);
  const waiting = assertRejects(
    () => socket.send(new Uint8Array(1), socket.addr),
    Deno.errors.Interrupted,
  );
  await socket.close();
  await waiting;
  // Refused by throwing; nothing of it is left.
  await assertRejects(() => socket.send(new Uint8Array(1), socket.addr), Error);
});

Deno.test("UdpClient.sendTo() on nodeNetwork settles when a hurried close cuts it", async () => {
  const to = { host: "127.0.0.1", port: 9 };
  for (const isBound of [false, true]) {
    const client = new UdpClient({ host: "127.0.0.1", port: 0 }, { network: nodeNetwork });
    if (isBound) await client.bound;
    const sending = client.sendTo("x", to);
    const cut = assertRejects(() => sending, SocketError);
    await client.close({ signal: AbortSignal.abort() });
    assertEquals((await cut).code, "closed");
  }
});

Deno.test("bindNodeDatagram() says in use as the runtime does", async () => {
  const taken = await bind();
  const { hostname, port } = taken.addr;
  await assertRejects(() => bindNodeDatagram({ hostname, port }), Deno.errors.AddrInUse);
  await taken.close();
  await (await bindNodeDatagram({ hostname, port })).close();
});

Deno.test("bindNodeDatagram() may broadcast and takes every option", async () => {
  const socket = await bindNodeDatagram({
    hostname: "0.0.0.0",
    port: 0,
    reuseAddress: true,
    timeToLive: 5,
    multicastTimeToLive: 2,
    multicastLoopback: false,
    multicastInterface: "127.0.0.1",
  });
  assertEquals(
    await socket.send(new Uint8Array(1), { ...socket.addr, hostname: "127.255.255.255" }),
    1,
  );
  const [bytes] = await socket.receive(new Uint8Array(9));
  assertEquals(bytes.length, 1);
  await socket.close();
});

Deno.test("bindNodeDatagram() may broadcast over IPv4 from an IPv6 socket", async () => {
  const [sender, receiver] = await Promise.all(
    ["::", "0.0.0.0"].map((hostname) => bindNodeDatagram({ hostname, port: 0 })),
  );
  const waiting = receiver!.receive(new Uint8Array(9));
  await sender!.send(new Uint8Array(3), { ...receiver!.addr, hostname: "127.255.255.255" });
  assertEquals((await waiting)[0].length, 3);
  await Promise.all([sender!.close(), receiver!.close()]);
});

Deno.test("bindNodeDatagram() refuses to send to port 0 and goes on", async () => {
  const [one, other] = [await bind(), await bind()];
  const nowhere = { ...other.addr, port: 0 };
  for (let i = 0; i < 3; i++) {
    await assertRejects(() => one.send(new Uint8Array(1), nowhere), RangeError, "Port");
  }
  assertEquals(await one.send(new Uint8Array(2), other.addr), 2);
  assertEquals((await other.receive(new Uint8Array(9)))[0].length, 2);
  await Promise.all([one.close(), other.close()]);
});

Deno.test("bindNodeDatagram() rejects without a permission for the address of a name, and the program goes on", async () => {
  const room = JSON.stringify(import.meta.resolve("../../../src/network/node/node_datagram.ts"));
  const script = `
    import { bindNodeDatagram } from ${room};
    const binding = bindNodeDatagram({ hostname: "localhost", port: 0 });
    console.log(await binding.then((socket) => socket.close(), ({ message }) => message));`;
  const missing = (host: string) =>
    `Requires net access to "${host}", run again with the --allow-net flag`;
  for (
    const [flags, told] of [
      [["--allow-net=127.0.0.1:0"], missing("localhost:0")],
      [["--allow-net", "--deny-net=127.0.0.1"], missing("127.0.0.1:0")],
      [["--allow-net=localhost:0", "--deny-net=127.0.0.1:0"], missing("127.0.0.1:0")],
      [["--allow-net=localhost:0"], "undefined"],
    ] as const
  ) {
    assertEquals(await scriptOutput(flags, script), `${told}\n`, flags.join(" "));
  }
});
