import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { linuxNetwork } from "../../../linux/mod.ts";
import type { DatagramAddress, DatagramSocket } from "../../../src/network/network.ts";
import { UdpClient } from "../../../src/udp/udp_client.ts";
import { UdpListener } from "../../../src/udp/udp_listener.ts";
import type { UdpCaller } from "../../../src/udp/udp_caller.ts";
import { assertCode } from "../../support/assert_code.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { lying } from "../../support/lying_errno.ts";
import { Program } from "../../support/program.ts";
import { scriptOutput } from "../../support/script_output.ts";
import { bytesOf, text } from "../../support/text.ts";
import { localClient } from "../../support/udp_engines.ts";

const HERE = "127.0.0.1";

/** A socket of the engine, freed at the end. */
async function bound(hostname = HERE, port = 0, reusePort = false) {
  const socket = await linuxNetwork.listenDatagram({ hostname, port, reusePort });
  return {
    socket,
    /** Receives so many, with a promise each. */
    async texts(count: number): Promise<string[]> {
      const got: string[] = [];
      const buffer = new Uint8Array(65_536);
      while (got.length < count) got.push(text((await socket.receive(buffer))[0]));
      return got;
    },
    [Symbol.dispose]: () => void socket.close(),
  };
}

function sendAll(from: DatagramSocket, to: DatagramSocket, contents: readonly string[]): number {
  const datagrams = contents.map((content) => ({ bytes: bytesOf(content), target: to.addr }));
  return from.trySendAll!(datagrams, 0);
}

function until(socket: DatagramSocket): Promise<void> {
  return new Promise((resolve) => socket.whenReadable!(resolve));
}

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
    while (got.length < 200) {
      await until(here.socket);
      take(256, 256);
    }
    assertEquals(got, contents);
    assertEquals(take(256, 256), 0);
  },
);

linuxTest(
  "LinuxDatagramSocket.tryReceiveAll() may be called from within, and outlives what is transferred",
  async () => {
    using here = await bound();
    using other = await bound();
    using there = await bound();
    assertEquals(sendAll(there.socket, here.socket, ["a"]), 1);
    assertEquals(sendAll(there.socket, other.socket, ["b"]), 1);
    await Promise.all([until(here.socket), until(other.socket)]);
    const got: string[] = [];
    here.socket.tryReceiveAll!(9, (bytes) => {
      other.socket.tryReceiveAll!(9, (inner) => {
        got.push(text(inner));
        return true;
      });
      got.push(text(bytes));
      structuredClone(bytes, { transfer: [bytes.buffer] });
      return true;
    });
    assertEquals(got, ["b", "a"]);
    assertEquals(sendAll(there.socket, here.socket, ["c", "d"]), 2);
    assertEquals(await here.texts(2), ["c", "d"]);
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

linuxTest("LinuxDatagramSocket.close() ends a receive that waits", async () => {
  const { socket } = await bound();
  const receiving = socket.receive(new Uint8Array(9));
  socket.close();
  await assertRejects(() => receiving, Deno.errors.Interrupted);
});

linuxTest("LinuxDatagramSocket sends rows of equal and unequal length as they are", async () => {
  using here = await bound();
  using other = await bound();
  using there = await bound();
  const lengths = [9, 9, 9, 4, 9, 0, 0, 9, 1_400, 1_400, 1_401, 1_401, 1_400, 3];
  const contents = lengths.map((length, i) => String.fromCharCode(97 + i).repeat(length));
  // Not beside each other in memory, too.
  assertEquals(sendAll(there.socket, here.socket, contents), contents.length);
  assertEquals(await here.texts(contents.length), contents);
  const memory = bytesOf(contents.join(""));
  let at = 0;
  const parts = lengths.map((length) => memory.subarray(at, at += length));
  const to = [here.socket.addr, other.socket.addr];
  const datagrams = parts.flatMap((bytes, i) =>
    i === 8 ? to.map((target) => ({ bytes, target })) : [{ bytes, target: to[0]! }]
  );
  assertEquals(there.socket.trySendAll!(datagrams, 0), datagrams.length);
  assertEquals(await here.texts(contents.length), contents);
  assertEquals(await other.texts(1), [contents[8]]);
});

linuxTest("LinuxDatagramSocket.trySendAll() sends those before one that it cannot", async () => {
  using here = await bound();
  using there = await bound();
  const target = here.socket.addr;
  const good = { bytes: bytesOf("good"), target };
  const long = { bytes: new Uint8Array(65_508), target };
  const far = { bytes: bytesOf("far"), target: { ...target, hostname: "::1" } };
  for (const bad of [long, far]) {
    const datagrams = [good, good, bad, good];
    assertEquals(there.socket.trySendAll!(datagrams, 0), 2);
    assertThrows(() => there.socket.trySendAll!(datagrams, 2), Error);
    assertEquals(there.socket.trySendAll!(datagrams, 3), 1);
    assertEquals(await here.texts(3), ["good", "good", "good"]);
  }
  // A name waits until it was looked up.
  const named = { ...target, hostname: "localhost" };
  assertEquals(there.socket.trySendAll!([good, { bytes: bytesOf("x"), target: named }], 0), 1);
  assertEquals(there.socket.trySend!(bytesOf("x"), named), undefined);
  assertEquals(await there.socket.send(bytesOf("named"), named), 5);
  assertEquals(await here.texts(2), ["good", "named"]);
  const { code } = await there.socket.send(long.bytes, target).catch((error) => error);
  assertEquals(code, "EMSGSIZE");
});

linuxTest(
  "LinuxDatagramSocket gives the same object for a sender as long as it is known",
  async () => {
    using here = await bound();
    using there = await bound();
    const seen: DatagramAddress[] = [];
    for (let i = 0; i < 3; i++) {
      sendAll(there.socket, here.socket, ["x"]);
      seen.push((await here.socket.receive(new Uint8Array(9)))[1]);
    }
    assertEquals([seen[0] === seen[1], seen[1] === seen[2]], [true, true]);
    const { hostname, port, localAddress, networkInterface } = seen[0]!;
    assertEquals([hostname, port], [HERE, there.socket.addr.port]);
    // It is bound to one address: there is nothing to tell.
    assertEquals([localAddress, networkInterface], [undefined, undefined]);
  },
);

/** Asks a listener at several of its addresses, and gives what its callers said of themselves. */
async function askedAt(listener: UdpListener, hosts: readonly string[]): Promise<string[]> {
  const callers: UdpCaller[] = [];
  listener.attach({
    onDatagram(caller, { data }) {
      callers.push(caller);
      return data;
    },
  });
  await listener.start();
  for (const host of hosts) {
    // Connected: an answer from another address would not be heard.
    await using client = localClient(linuxNetwork, {}, host.includes(":") ? "::1" : HERE);
    await client.connect({ host, port: listener.port });
    await client.write("where?");
    assertEquals(text((await client.read())[0]), "where?");
  }
  return callers.map(({ remoteAddress, localAddress, networkInterface }) =>
    `${remoteAddress} to ${localAddress} by ${networkInterface}`
  );
}

linuxTest("An answer leaves from the address that was asked, of IPv4", async () => {
  await using listener = new UdpListener(0, { network: linuxNetwork });
  assertEquals(await askedAt(listener, ["127.0.0.2", HERE, "127.9.9.9"]), [
    "127.0.0.1 to 127.0.0.2 by 1",
    "127.0.0.1 to 127.0.0.1 by 1",
    "127.0.0.1 to 127.9.9.9 by 1",
  ]);
});

linuxTest("An answer leaves from the address that was asked, of both families", async () => {
  await using listener = new UdpListener(0, { interface: "::", network: linuxNetwork });
  assertEquals(await askedAt(listener, ["127.0.0.2", "::1"]), [
    "127.0.0.1 to 127.0.0.2 by 1",
    "::1 to ::1 by 1",
  ]);
});

linuxTest("A session answers from the address that was asked, and a late answer too", async () => {
  await using listener = new UdpListener(0, { network: linuxNetwork });
  listener.attach({
    async onSession(session) {
      const { data } = (await session[Symbol.asyncIterator]().next()).value!;
      session.tryWrite(`${text(data)} ${session.localAddress} ${session.networkInterface}`);
      await session.write("again");
    },
  });
  await listener.start();
  await using client = localClient(linuxNetwork);
  await client.connect({ host: "127.0.0.3", port: listener.port });
  await client.write("hello");
  assertEquals(text((await client.read())[0]), "hello 127.0.0.3 1");
  assertEquals(text((await client.read())[0]), "again");
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
  await using back = new UdpClient(address, { network: linuxNetwork });
  await back.bound;
  await client.write("c");
  const [bytes, , from] = await back.receiveFrom();
  assertEquals(text(bytes), "c");
  await back.sendTo("d", from);
  assertEquals(text((await client.read().catch(() => client.read()))[0]), "d");
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
});

linuxTest("Sends that the system has no room for leave later, in order", async () => {
  // What is sent on loopback always has room, so errno lies.
  using here = await bound();
  using there = await bound();
  let refused = 0;
  const EAGAIN = 11;
  const EMSGSIZE = 90;
  const { addr } = here.socket;
  const long = there.socket.send(new Uint8Array(65_508), addr).catch((error) => error.code);
  assertEquals(await long, "EMSGSIZE");
  {
    using _look = lying(() => refused++ < 3 ? EAGAIN : EMSGSIZE);
    const sends = [there.socket.send(new Uint8Array(65_508), addr).catch((error) => error.code)];
    // It waits, and so do others behind it.
    assertEquals(there.socket.trySend!(bytesOf("behind"), addr), undefined);
    sends.push(there.socket.send(bytesOf("behind"), addr));
    sends.push(there.socket.send(bytesOf("last"), addr));
    assertEquals(await Promise.all(sends), ["EMSGSIZE", 6, 4]);
  }
  assertEquals(refused > 3, true);
  assertEquals(await here.texts(2), ["behind", "last"]);
});

linuxTest("A datagram of 65,507 bytes goes and comes whole", async () => {
  await using client = localClient(linuxNetwork);
  await using other = localClient(linuxNetwork);
  const content = new Uint8Array(65_507).map((_, i) => i * 7);
  for (let i = 0; i < 3; i++) {
    await client.sendTo(content, await other.bound);
    const [bytes, length] = await other.receiveFrom();
    assertEquals([length, bytes], [65_507, content]);
  }
});

linuxTest("Two programs that share a port both serve", async () => {
  const script = (port: number) => `
    import { linuxNetwork as network } from "./linux/mod.ts";
    const socket = await network.listenDatagram({ hostname: "${HERE}", port: ${port}, reusePort: true });
    console.log("port " + socket.addr.port);
    const buffer = new Uint8Array(99);
    for (;;) {
      const [bytes, from] = await socket.receive(buffer);
      await socket.send(new TextEncoder().encode(String(Deno.pid)), from);
    }`;
  const flags = ["--allow-ffi", `--allow-net=${HERE}`];
  const run = async (port: number) => {
    const source = `data:application/typescript,${
      encodeURIComponent(
        script(port).replace("./linux", new URL("../../../linux", import.meta.url).href),
      )
    }`;
    const program = new Program("deno", ["run", "--quiet", "--no-prompt", ...flags, source]);
    return { program, port: Number((await program.line(/^port (\d+)$/))[1]) };
  };
  const first = await run(0);
  await using _first = first.program;
  const second = await run(first.port);
  await using _second = second.program;
  const seen = new Set<string>();
  for (let i = 0; i < 200 && seen.size < 2; i++) {
    await using client = localClient(linuxNetwork);
    await client.sendTo("who?", { host: HERE, port: first.port });
    seen.add(text((await client.receiveFrom())[0]));
  }
  assertEquals(seen, new Set([String(first.program.pid), String(second.program.pid)]));
  // One that does not ask for it gets an error.
  await assertCode(
    "in-use",
    new UdpClient({ host: HERE, port: first.port }, { network: linuxNetwork }).bound,
  );
});

linuxTest("What binding and sending take is what they take on Deno's own", async () => {
  const printed = await scriptOutput(
    ["--unstable-net", "--allow-ffi", `--allow-net=${HERE}`, `--deny-net=${HERE}:9`],
    `import { denoNetwork, UdpClient } from "${new URL("../../../mod.ts", import.meta.url)}";
     import { linuxNetwork } from "${new URL("../../../linux/mod.ts", import.meta.url)}";
     for (const network of [denoNetwork, linuxNetwork]) {
       const refused = new UdpClient({ host: "127.0.0.2", port: 0 }, { network });
       console.log(await refused.bound.catch(({ message }) => message));
       const client = new UdpClient({ host: "${HERE}", port: 0 }, { network });
       for (const [host, port] of [["127.0.0.2", 8], ["${HERE}", 9], ["localhost", 8], ["${HERE}", 8]]) {
         console.log(await client.sendTo("x", { host, port }).catch(({ message }) => message));
       }
       console.log("--");
       await client.close();
     }`,
  );
  const [own, ours] = printed.split("--\n");
  assertEquals(ours!.replace(/\n?--$/, "\n"), own);
});

linuxTest(
  "A name that is granted for one port is enough, and its address is not granted",
  async () => {
    using here = await bound();
    const { port } = here.socket.addr;
    const printed = await scriptOutput(
      ["--allow-ffi", `--allow-net=${HERE}:0,localhost:${port}`],
      `import { UdpClient } from "${new URL("../../../mod.ts", import.meta.url)}";
     import { linuxNetwork as network } from "${new URL("../../../linux/mod.ts", import.meta.url)}";
     await using client = new UdpClient({ host: "${HERE}", port: 0 }, { network });
     for (let i = 0; i < 3; i++) client.sendTo(String(i), { host: "localhost", port: ${port} });
     await client.drained();
     console.log(await client.sendTo("x", { host: "${HERE}", port: ${port} }).catch(({ code }) => code));`,
    );
    assertEquals([await here.texts(3), printed.trim()], [["0", "1", "2"], "denied"]);
  },
);

linuxTest("Sockets that come and go leave no descriptor", async () => {
  const open = async () => {
    let count = 0;
    for await (const _ of Deno.readDir("/proc/self/fd")) count++;
    return count;
  };
  await localClient(linuxNetwork).close();
  const before = await open();
  for (let i = 0; i < 300; i++) {
    const client = localClient(linuxNetwork);
    await client.sendTo("x", await client.bound);
    if (i % 2 === 0) await client.receiveFrom();
    await client.close();
  }
  assertEquals(await open(), before);
});
