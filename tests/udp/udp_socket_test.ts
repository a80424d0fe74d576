import { assertEquals, assertRejects } from "@std/assert";
import { GenericError, SocketError } from "../../src/base/errors.ts";
import type {
  DatagramAddress,
  DatagramSocket,
  DatagramTarget,
  Network,
  ResolvedName,
} from "../../src/network/network.ts";
import { DATAGRAMS_PER_TURN } from "../../src/udp/datagram_share.ts";
import type { Turn, Turns } from "../../src/network/turns.ts";
import { UdpClient } from "../../src/udp/udp_client.ts";
import type { UdpClientConfig } from "../../src/udp/udp_config.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { scriptOutput } from "../support/script_output.ts";
import {
  scriptedDatagrams,
  type ScriptedDatagramSocket,
  settled,
} from "../support/scripted_datagrams.ts";
import { linuxNetwork } from "../../linux/mod.ts";
import { hasDatagrams, testOnEngines } from "../support/udp_engines.ts";

function scripted(config: UdpClientConfig = {}, clock = new VirtualClock()) {
  const network = scriptedDatagrams(clock);
  const client = new UdpClient({ host: "10.0.0.9", port: 0 }, { network, ...config });
  return { client, network, clock, socket: () => network.sockets[0]! };
}

const there = { host: "10.0.0.1", port: 9 };

Deno.test("UdpSocket receives only when somebody waits", async () => {
  const { client, socket } = scripted();
  await client.bound;
  assertEquals(socket().isReceiving, false);
  const received = client.receiveFrom();
  assertEquals(socket().isReceiving, true);
  socket().deliver("a");
  await received;
  await settled();
  assertEquals([socket().receives, socket().isReceiving], [1, false]);
  await client.close();
});

Deno.test("UdpSocket that is flooded waits for its network's turns", async () => {
  const network = scriptedDatagrams(new VirtualClock());
  const asked: Turn[] = [];
  const turns: Turns = { read: (turn) => asked.push(turn) > 0, write() {} };
  const client = new UdpClient(there, { network: { ...network, turns } });
  await client.bound;
  for (let i = 0; i < DATAGRAMS_PER_TURN; i++) {
    const received = client.receiveFrom();
    network.sockets[0]!.deliver("x");
    await received;
  }
  const received = client.receiveFrom();
  assertEquals([asked.length, network.sockets[0]!.isReceiving], [1, false]);
  asked[0]!.begin();
  network.sockets[0]!.deliver("y");
  assertEquals((await received)[1], 1);
  await client.close();
});

Deno.test("UdpSocket whose receive fails is broken, and says so everywhere", async () => {
  const { client, socket } = scripted();
  await client.bound;
  const waiting = client.receiveFrom().catch((error) => error);
  const cause = new Error("the network card is on fire");
  socket().fail(cause);
  const error = await client.closed as SocketError;
  assertEquals([error.code, error.cause, error.message], [
    "broken",
    cause,
    "Cannot receive: the network card is on fire",
  ]);
  assertEquals(await waiting, error);
  assertEquals(socket().isClosed, true);
  assertEquals(await client.sendTo("x", there).catch((reason) => reason), error);
  await assertRejects(
    async () => {
      for await (const _ of client);
    },
    GenericError,
    "on fire",
  );
  await client.close();
});

Deno.test("UdpSocket.close() waits for what is queued, but not for ever", async () => {
  const { client, socket, clock } = scripted({ closeTimeoutInMillis: 700 });
  await client.bound;
  socket().sendsAtOnce = false;
  const sent = [client.sendTo("1", there), client.sendTo("2", there)].map((each) =>
    each.catch((error) => error.message)
  );
  let isClosed = false;
  const closing = client.close().then(() => isClosed = true);
  await clock.advance(699);
  assertEquals([isClosed, socket().isClosed], [false, false]);
  await clock.advance(1);
  await closing;
  assertEquals(await Promise.all(sent), [
    "Cannot send: already closed",
    "Cannot send: already closed",
  ]);
  assertEquals([await client.closed, socket().isClosed], [undefined, true]);
});

Deno.test("UdpSocket.close() during a lookup of the peer binds nothing", async () => {
  const { client, network, clock } = scripted({ remoteHost: "peer.example", remotePort: 9 });
  const written = client.write("x").catch((error) => error.code);
  const closing = client.close();
  await clock.advance(5_000);
  await closing;
  network.lookups[0]!.answer({ addresses: ["10.0.0.1"], isDirect: true });
  assertEquals((await assertRejects(() => client.bound, GenericError)).code, "closed");
  assertEquals([await written, network.sockets.length], ["closed", 0]);
});

Deno.test("UdpSocket that is closed while it is made closes what is made", async () => {
  const network = scriptedDatagrams();
  const made = Promise.withResolvers<DatagramSocket>();
  const slow: Network = { ...network, listenDatagram: () => made.promise };
  const client = new UdpClient({ port: 0 }, { network: slow });
  const closing = client.close();
  await settled();
  made.resolve(network.listenDatagram({ hostname: "10.0.0.9", port: 0 }));
  await closing;
  assertEquals(network.sockets[0]!.isClosed, true);
  assertEquals(await client.closed, undefined);
  assertEquals((await assertRejects(() => client.bound, GenericError)).code, "closed");
});

Deno.test("UdpSocket looks its peer up once and hears that address", async () => {
  const { client, network, socket } = scripted({ remoteHost: "peer.example", remotePort: 9 });
  const written = client.write("before");
  assertEquals(network.lookups.map(({ name }) => name), ["peer.example:9 4"]);
  network.lookups[0]!.answer({ addresses: ["10.0.0.1"], isDirect: true });
  await written;
  await client.write("after");
  assertEquals(socket().sent, ["before > 10.0.0.1:9", "after > 10.0.0.1:9"]);
  const received = client.read();
  for (const [host, port] of [["10.0.0.2", 9], ["10.0.0.1", 8], ["10.0.0.1", 9]] as const) {
    socket().deliver(`${host}:${port}`, port, host);
    await settled();
  }
  assertEquals(new TextDecoder().decode((await received)[0]), "10.0.0.1:9");
  assertEquals(client.droppedDatagrams, 2);
  await client.close();
});

Deno.test("UdpSocket.connect() of which several are under way lets the last call count", async () => {
  const { client, network } = scripted({ remoteHost: "peer.example", remotePort: 9 });
  const names = ["first.example", "second.example", "none.example"];
  const [first, second, none] = names.map((host) => client.connect({ host, port: 9 }));
  const heard = () => client.remoteAddress;
  const answer = async (which: number, resolved: ResolvedName | Error) => {
    network.lookups[which]!.answer(resolved);
    await settled();
  };
  await answer(2, { addresses: ["10.0.0.2"], isDirect: true });
  await second;
  assertEquals(heard(), "10.0.0.2");
  await answer(1, { addresses: ["10.0.0.1"], isDirect: true });
  await answer(0, { addresses: ["10.0.0.8"], isDirect: true });
  await Promise.all([first, client.bound]);
  assertEquals(heard(), "10.0.0.2");
  // One that fails changes nothing, nor does it keep an earlier one from counting.
  const fourth = client.connect({ host: "fourth.example", port: 9 });
  await answer(3, new Error("no such host"));
  await assertRejects(() => none!, GenericError, "no such host");
  await answer(4, { addresses: ["10.0.0.4"], isDirect: true });
  await fourth;
  assertEquals(heard(), "10.0.0.4");
  const late = client.connect({ host: "late.example", port: 9 });
  await client.connect({ host: "10.0.0.5", port: 9 });
  await answer(5, { addresses: ["10.0.0.6"], isDirect: true });
  await late;
  assertEquals(heard(), "10.0.0.5");
  await client.close();
});

Deno.test("UdpSocket.connect() of what is closed meanwhile rejects", async () => {
  const { client, network } = scripted();
  const connecting = client.connect({ host: "peer.example", port: 9 });
  await client.close();
  network.lookups[0]!.answer({ addresses: ["10.0.0.1"], isDirect: true });
  assertEquals((await assertRejects(() => connecting, GenericError)).code, "closed");
  assertEquals(client.remoteAddress, undefined);
});

Deno.test("UdpSocket sends to the peer's name where only that is allowed", async () => {
  const { client, network, socket } = scripted({ remoteHost: "peer.example", remotePort: 9 });
  network.lookups[0]!.answer({ addresses: ["10.0.0.1"], isDirect: false });
  await client.bound;
  const written = client.write("x");
  network.lookups[1]?.answer({ addresses: ["10.0.0.1"], isDirect: false });
  await written;
  assertEquals(socket().sent, ["x > peer.example:9"]);
  await client.close();
});

Deno.test("UdpSocket says which permission its peer's name takes", async () => {
  const { client, network } = scripted({ remoteHost: "peer.example", remotePort: 9 });
  network.lookups[0]!.answer({ addresses: [], isDirect: false });
  const error = await assertRejects(() => client.bound, GenericError);
  assertEquals([error.code, error.message], [
    "denied",
    "Cannot look up peer.example: no permission, run with --allow-net=peer.example or give its IP address",
  ]);
  assertEquals(await client.closed, error);
});

Deno.test("UdpSocket whose peer there is not cannot be bound", async () => {
  const { client, network } = scripted({ remoteHost: "peer.example", remotePort: 9 });
  network.lookups[0]!.answer(new Error("no such host"));
  const error = await assertRejects(() => client.bound, GenericError);
  assertEquals([error.code, error.message], [
    "unreachable",
    "Cannot look up peer.example: no such host",
  ]);
  assertEquals(network.sockets.length, 0);
});

Deno.test("UdpSocket binds for the family of its peer when it may choose", async () => {
  for (const [address, host] of [["10.0.0.1", "0.0.0.0"], ["fd00::1", "::"]] as const) {
    const network = scriptedDatagrams();
    const config = { network, remoteHost: "peer.example", remotePort: 9 };
    const client = new UdpClient(undefined, config);
    assertEquals(network.lookups[0]!.name, "peer.example:9 0");
    network.lookups[0]!.answer({ addresses: [address], isDirect: true });
    assertEquals((await client.bound).host, host);
    await client.close();
  }
});

Deno.test("UdpSocket passes its options on", async () => {
  const { client, socket } = scripted({
    reuseAddress: true,
    multicastLoopback: false,
    multicastTimeToLive: 3,
    multicastInterface: "10.0.0.9",
    timeToLive: 4,
  });
  await client.bound;
  assertEquals(socket().target, {
    hostname: "10.0.0.9",
    port: 0,
    reuseAddress: true,
    multicastLoopback: false,
    multicastTimeToLive: 3,
    multicastInterface: "10.0.0.9",
    timeToLive: 4,
  });
  await client.close();
});

testOnEngines("UdpSocket sets a time to live for IPv6, or refuses it", async (network) => {
  for (const config of [{ timeToLive: 3 }, { multicastTimeToLive: 3 }]) {
    const client = new UdpClient({ host: "::1", port: 0 }, { network, ...config });
    if (network === linuxNetwork) {
      await client.bound;
      await client.close();
      continue;
    }
    const error = await assertRejects(() => client.bound, GenericError, "only for IPv4");
    assertEquals(error.code, "unsupported");
  }
});

/** Runs a script with a client and some permissions, and gives what it printed. */
async function runWith(flags: string[], script: string): Promise<string> {
  const mod = JSON.stringify(import.meta.resolve("../../mod.ts"));
  return (await scriptOutput(flags, `import { UdpClient } from ${mod}; ${script}`)).trim();
}

for (const engine of hasDatagrams ? [["--unstable-net"], []] : [[]]) {
  const name = engine.length > 0 ? "Deno's sockets" : "node:dgram";

  Deno.test(`UdpSocket says which permission binding takes (${name})`, async () => {
    const printed = await runWith(
      engine,
      `const client = new UdpClient({ host: "127.0.0.1", port: 0 });
       const error = await client.bound.catch((error) => error);
       console.log(error.code, error.message);`,
    );
    assertEquals(
      printed,
      "denied Cannot bind to 127.0.0.1:0: no permission, run with --allow-net=127.0.0.1",
    );
  });

  Deno.test(`UdpSocket says which permission sending takes (${name})`, async () => {
    const printed = await runWith(
      [...engine, "--allow-net=127.0.0.1:0"],
      `await using client = new UdpClient({ host: "127.0.0.1", port: 0 });
       for (const host of ["127.0.0.2", "localhost"]) {
         const error = await client.sendTo("x", { host, port: 9 }).catch((error) => error);
         console.log(error.code, error.message);
       }`,
    );
    assertEquals(printed.split("\n"), [
      "denied Cannot send to 127.0.0.2:9: no permission, run with --allow-net=127.0.0.2:9",
      "denied Cannot send to localhost:9: no permission, run with --allow-net=localhost:9",
    ]);
  });

  Deno.test(`UdpSocket says that the address of a name is denied (${name})`, async () => {
    const denied =
      "denied Cannot send to localhost:9: no permission, --deny-net forbids 127.0.0.1:9";
    for (const allowed of ["--allow-net", "--allow-net=0.0.0.0,localhost"]) {
      const printed = await runWith(
        [...engine, allowed, "--deny-net=127.0.0.1"],
        `await using client = new UdpClient({ host: "0.0.0.0", port: 0 });
         const told = ({ code, message }) => console.log(code, message);
         await client.sendTo("x", { host: "localhost", port: 9 }).catch(told);
         await client.connect({ host: "localhost", port: 9 });
         await client.write("x").catch(told);`,
      );
      assertEquals(printed.split("\n"), [denied, denied], allowed);
    }
  });

  Deno.test(`UdpSocket leaves a name to the runtime that may only use it (${name})`, async () => {
    await using receiver = new UdpClient({ host: "127.0.0.1", port: 0 });
    const { port } = await receiver.bound;
    await runWith(
      [...engine, `--allow-net=127.0.0.1:0,localhost:${port}`],
      `await using client = new UdpClient({ host: "127.0.0.1", port: 0 });
       for (let i = 0; i < 5; i++) client.sendTo(String(i), { host: "localhost", port: ${port} });`,
    );
    for (let i = 0; i < 5; i++) {
      assertEquals(new TextDecoder().decode((await receiver.receiveFrom())[0]), String(i));
    }
  });
}

Deno.test("UdpSocket that cannot be made while it closes does not wait for what is queued", async () => {
  const clock = new VirtualClock();
  const made = Promise.withResolvers<DatagramSocket>();
  const network: Network = { ...scriptedDatagrams(clock), listenDatagram: () => made.promise };
  const client = new UdpClient({ port: 0 }, { network });
  const sent = client.sendTo("x", there).catch((error) => error.code);
  const closing = client.close();
  made.reject(new Deno.errors.AddrInUse("taken"));
  await closing;
  assertEquals([await sent, await client.closed, clock.now()], ["in-use", undefined, 0]);
});

Deno.test("UdpSocket lets the system hear only the peer", async () => {
  const network = scriptedDatagrams(new VirtualClock());
  const heard: string[] = [];
  const listenDatagram = (target: DatagramTarget) => {
    const socket = network.listenDatagram(target) as ScriptedDatagramSocket;
    return Object.assign(socket, {
      hearOnly: ({ hostname, port }: DatagramAddress) => heard.push(`${hostname}:${port}`),
    });
  };
  const config = { network: { ...network, listenDatagram } };
  await using client = new UdpClient(there, {
    ...config,
    remoteHost: "10.0.0.1",
    remotePort: 7,
  });
  await client.bound;
  await client.connect({ host: "10.0.0.2", port: 8 });
  const byName = client.connect({ host: "peer.example", port: 9 });
  network.lookups[0]!.answer({ addresses: ["10.0.0.3"], isDirect: false });
  await byName;
  assertEquals(heard, ["10.0.0.1:7", "10.0.0.2:8", "10.0.0.3:9"]);
  const refused = new Deno.errors.ConnectionRefused("os error 111");
  const waiting = client.read();
  network.sockets[0]!.fail(refused);
  const { code, message, cause } = await assertRejects(() => waiting, SocketError);
  assertEquals([code, cause], ["unreachable", refused]);
  assertEquals(message, "Cannot reach peer.example:9: os error 111; is anything listening there?");
  const next = client.read();
  network.sockets[0]!.deliver("x", 9, "10.0.0.3");
  assertEquals((await next)[1], 1);
});
