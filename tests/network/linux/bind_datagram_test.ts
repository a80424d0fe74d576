import { assertEquals, assertThrows } from "@std/assert";
import { linuxNetwork } from "../../../linux/mod.ts";
import { UdpClient } from "../../../src/udp/udp_client.ts";
import { UdpListener } from "../../../src/udp/udp_listener.ts";
import type { UdpServiceOrFactory } from "../../../src/udp/udp_service.ts";
import type { UdpCaller } from "../../../src/udp/udp_caller.ts";
import type { DatagramAddress } from "../../../network.ts";
import { canonicalIp } from "../../../src/base/ip_address.ts";
import * as abi from "../../../src/network/linux/abi.ts";
import { must } from "../../../src/network/linux/errno.ts";
import { libc } from "../../../src/network/linux/libc.ts";
import { ipSocketAddress } from "../../../src/network/linux/sockaddr.ts";
import {
  bindTo,
  closeDescriptor,
  openSocket,
  ownAddress,
  peerAddress,
} from "../../../src/network/linux/socket.ts";
import { assertCode } from "../../support/assert_code.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { outputOf, Program } from "../../support/program.ts";
import { localClient } from "../../support/udp_engines.ts";
import { HERE } from "../../support/linux_datagrams.ts";
import { text } from "../../support/text.ts";

/** Starts a listener that answers with what it gets, and gives its callers as they come. */
async function answering(listener: UdpListener): Promise<readonly UdpCaller[]> {
  const callers: UdpCaller[] = [];
  listener.attach({
    onDatagram(caller, { data }) {
      callers.push(caller);
      return data;
    },
  });
  await listener.start();
  return callers;
}

/** Asks a listener at several of its addresses, and gives what its callers said of themselves. */
async function askedAt(listener: UdpListener, hosts: readonly string[]): Promise<string[]> {
  const callers = await answering(listener);
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

linuxTest("What IPv4 sends to all, or to a group, is answered from an address", async () => {
  const group = "239.255.76.9";
  for (const host of ["0.0.0.0", "::"]) {
    await using listener = new UdpListener(0, { interface: host, network: linuxNetwork });
    listener.attach({
      async onSession(session) {
        for await (const { data } of session) {
          await session.write(`${text(data)} ${session.localAddress} ${session.networkInterface}`);
        }
      },
    });
    await listener.start();
    const { port } = listener;
    await listener.joinGroup(group, { interface: HERE });
    for (const to of ["127.255.255.255", group]) {
      await using client = localClient(linuxNetwork);
      await client.sendTo("who?", { host: to, port });
      const [answer, , from] = await client.receiveFrom();
      assertEquals([text(answer), from], [`who? ${HERE} 1`, { host: HERE, port }], `${host} ${to}`);
    }
  }
});

linuxTest(
  "What came before a socket was taken over is answered from the address that was asked",
  async () => {
    const hosts = [["0.0.0.0", abi.AF_INET, 850], ["::", abi.AF_INET6, 851]] as const;
    for (const [host, family, from] of hosts) {
      const made = openSocket(family, abi.SOCK_DGRAM);
      bindTo(made, ipSocketAddress(host, 0));
      // A number of its own: one that was taken over is not taken over again.
      const given = must("fcntl", () => libc().fcntl(made, abi.F_DUPFD_CLOEXEC, from));
      closeDescriptor(made);
      const { port } = ownAddress(given, "udp") as DatagramAddress;
      await using asking = localClient(linuxNetwork, {}, HERE);
      await asking.connect({ host: "127.0.0.5", port });
      await asking.write("where?");
      await using everybody = localClient(linuxNetwork);
      await everybody.sendTo("all?", { host: "127.255.255.255", port });
      await using listener = new UdpListener(0, { inherited: given, network: linuxNetwork });
      const callers = await answering(listener);
      assertEquals(text((await asking.read())[0]), "where?");
      assertEquals(text((await everybody.receiveFrom())[0]), "all?");
      assertEquals(callers.map(({ localAddress }) => localAddress), ["127.0.0.5", host]);
    }
  },
);

/** A link-local address of this machine with its zone: its interface's name and index. */
async function linkLocal(): Promise<{ ip: string; name: string; index: number } | undefined> {
  const text = await outputOf("cat", ["/proc/net/if_inet6"]).catch(() => "");
  for (const line of text.split("\n")) {
    const [address, index, , , , name] = line.trim().split(/\s+/);
    if (!address?.startsWith("fe80")) continue;
    const ip = canonicalIp(address.match(/.{4}/g)!.join(":"))!;
    return { ip, name: name!, index: parseInt(index!, 16) };
  }
  return undefined;
}

linuxTest("A link-local sender has its zone, and is answered", async () => {
  const local = await linkLocal();
  if (local === undefined) {
    return console.log("skipped: zones: this machine has no link-local address");
  }
  const { ip, name, index } = local;
  await using listener = new UdpListener(0, { interface: "::", network: linuxNetwork });
  const seen: unknown[] = [];
  listener.attach({
    onDatagram({ remoteAddress, localAddress, networkInterface }, { data }) {
      seen.push(remoteAddress, localAddress, networkInterface);
      return data;
    },
  });
  await listener.start();
  await using client = localClient(linuxNetwork, {}, "::");
  await client.connect({ host: `${ip}%${name}`, port: listener.port });
  await client.write("zone");
  assertEquals(text((await client.read())[0]), "zone");
  assertEquals([...seen.slice(0, 2), Number(seen[2]) > 0], [`${ip}%${index}`, ip, true]);
});

linuxTest(
  "Of a datagram to a group of IPv6 the interface is told, and it is answered",
  async () => {
    const local = await linkLocal();
    if (local === undefined) {
      return console.log("skipped: groups: this machine has no link-local address");
    }
    const { index, name } = local;
    const group = "ff02::76:9";
    await using listener = new UdpListener(0, { interface: "::", network: linuxNetwork });
    listener.attach({
      onDatagram: (caller) => `${caller.localAddress} ${caller.networkInterface}`,
    });
    await listener.start();
    await listener.joinGroup(group, { interface: index });
    await using client = localClient(linuxNetwork, {}, "::");
    await client.sendTo("where?", { host: `${group}%${name}`, port: listener.port });
    assertEquals(text((await client.receiveFrom())[0]), `:: ${index}`);
  },
);

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

linuxTest("A session answers each datagram from the address that it came to", async () => {
  const said = ({ localAddress, networkInterface }: UdpCaller) =>
    `${localAddress} ${networkInterface}`;
  const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
  const gates: (() => void)[] = [];
  const LATE = "a late answer";
  const services: Record<string, UdpServiceOrFactory> = {
    "a loop": {
      async onSession(session) {
        for await (const _ of session) await session.write(said(session));
      },
    },
    "onBytes": () => ({ onBytes: (caller) => said(caller) }),
    "onDatagram, which sends": () => ({
      onDatagram: async (caller) => void await caller.sendBytes(said(caller)),
    }),
    // While it runs, the next datagram has arrived already.
    [LATE]: () => ({
      async onBytes(caller) {
        await new Promise<void>((resolve) => gates.push(resolve));
        return said(caller);
      },
    }),
  };
  const hosts = ["127.0.0.77", HERE, "127.0.0.2", HERE];
  for (const everywhere of ["0.0.0.0", "::"]) {
    for (const [name, service] of Object.entries(services)) {
      await using listener = new UdpListener(0, { interface: everywhere, network: linuxNetwork });
      listener.attach(service);
      await listener.start();
      await using client = localClient(linuxNetwork);
      // All by one port of the client, and so to one session.
      for (const host of hosts) await client.sendTo("where?", { host, port: listener.port });
      while (listener.stats().received.datagrams < hosts.length) await turn();
      for (const host of hosts) {
        if (name === LATE) {
          while (gates.length === 0) await turn();
          gates.shift()!();
        }
        const [bytes, , from] = await client.receiveFrom();
        assertEquals([text(bytes), from.host], [`${host} 1`, host], `${name} on ${everywhere}`);
      }
      assertEquals(listener.stats().sessions.begun, 1);
    }
  }
});

linuxTest("A peer is not told to a system's socket that others have, too", async () => {
  const kept = openSocket(abi.AF_INET, abi.SOCK_DGRAM);
  bindTo(kept, ipSocketAddress(HERE, 0));
  const given = must("fcntl", () => libc().fcntl(kept, abi.F_DUPFD_CLOEXEC, 700));
  await using peer = localClient(linuxNetwork);
  await using stranger = localClient(linuxNetwork);
  await using client = new UdpClient(undefined, { inherited: given, network: linuxNetwork });
  const { port } = await client.bound;
  await client.connect(await peer.bound);
  const to = { host: HERE, port };
  await stranger.sendTo("no", to);
  await peer.sendTo("yes", to);
  assertEquals(text((await client.read())[0]), "yes");
  assertThrows(() => peerAddress(kept, "udp"), Error, "not connected");
  closeDescriptor(kept);
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
