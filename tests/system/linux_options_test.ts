// Each option of the engine for Linux, on real sockets: read back from the system, and shown by ss where that is
// sharper.

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import {
  type Caller,
  Client,
  type ClientConfig,
  GenericError,
  Listener,
  type ListenerConfig,
  type TcpConfig,
} from "../../mod.ts";
import { linuxNetwork } from "../../linux/mod.ts";
import { Authority } from "../support/certificates.ts";
import { inFolder } from "../support/folder.ts";
import { freePort } from "../support/free_port.ts";
import { hasLinuxEngine, linuxTest } from "../support/linux_engine.ts";
import { isInstalled, outputOf } from "../support/program.ts";
import { text } from "../support/text.ts";

const MOD = JSON.stringify(import.meta.resolve("../../mod.ts"));
const LINUX = JSON.stringify(import.meta.resolve("../../linux/mod.ts"));

const network = linuxNetwork;
const hasSs = hasLinuxEngine && await isInstalled("ss");
if (hasLinuxEngine && !hasSs) console.log("skipped: what ss shows: it is not installed (iproute2)");

/** Both ends of a connection, while a function runs. */
async function connected(
  body: (client: Client, caller: Caller) => Promise<void> | void,
  forListener: ListenerConfig = {},
  forClient: Partial<ClientConfig> = {},
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<Caller>();
  await using listener = new Listener(0, { interface: "127.0.0.1", network, ...forListener });
  listener.attach({ onConnect: resolve, onBytes: (_caller, bytes) => bytes });
  await listener.start();
  const host = listener.address;
  await using client = await Client.connect({ host, port: listener.port, network, ...forClient });
  await body(client, await promise);
}

/** What ss shows of the connection from one port to another, on one line. */
async function shown(flag: string, from: number, to: number): Promise<string> {
  const filter = ["sport", "=", `:${from}`, "and", "dport", "=", `:${to}`];
  const output = await outputOf("ss", ["-Htn", flag, "state", "established", ...filter]);
  return output.replace(/\s+/g, " ");
}

/** That ss shows something of the client's end and of the caller's, each with the same options. */
function ssTest(name: string, config: TcpConfig, flag: string, pattern: RegExp): void {
  Deno.test({
    name: `${name}, at both ends, for IPv4 and IPv6`,
    ignore: !hasSs,
    async fn() {
      for (const address of ["127.0.0.1", "::1"]) {
        for (const [forListener, forClient] of [[config, {}], [{}, config]]) {
          await connected(
            async (client, caller) => {
              const [mine, other] = forClient === config ? [client, caller] : [caller, client];
              assertMatch(await shown(flag, mine.localPort, mine.remotePort), pattern);
              assert(!pattern.test(await shown(flag, other.localPort, other.remotePort)));
            },
            { interface: address, ...forListener },
            forClient,
          );
        }
      }
    },
  });
}

ssTest(
  "keepAliveInMillis sets when the system asks",
  { keepAliveInMillis: 61_000 },
  "-o",
  /timer:\(keepalive,(1min|60sec|[56]\dsec)/,
);

ssTest(
  "typeOfService is that of the packets",
  { typeOfService: 184 },
  "--tos",
  /tos:0xb8|tclass:0xb8/,
);

linuxTest(
  "receiveBufferSize and sendBufferSize are what bufferSizes tells: twice as much",
  async () => {
    const sizes = { receiveBufferSize: 40_000, sendBufferSize: 50_000 };
    const twice = { receiveBufferSize: 80_000, sendBufferSize: 100_000 };
    await connected(
      (client, caller) => {
        assertEquals({ ...client.bufferSizes() }, twice);
        assert(Object.isFrozen(client.bufferSizes()));
        assert(caller.bufferSizes().sendBufferSize !== twice.sendBufferSize);
      },
      {},
      sizes,
    );
    await connected((client, caller) => {
      assertEquals({ ...caller.bufferSizes() }, twice);
      assert(client.bufferSizes().sendBufferSize !== twice.sendBufferSize);
    }, sizes);
  },
);

linuxTest(
  "receiveBufferSize and sendBufferSize are for local sockets, too, at both ends",
  () =>
    inFolder(async (folder) => {
      const sizes = { receiveBufferSize: 40_000, sendBufferSize: 50_000 };
      const twice = { receiveBufferSize: 80_000, sendBufferSize: 100_000 };
      const { promise, resolve } = Promise.withResolvers<Caller>();
      await using listener = new Listener(0, { path: `${folder}/s`, network, ...sizes });
      listener.attach({ onConnect: resolve });
      await listener.start();
      await using client = await Client.connect({ path: `${folder}/s`, network, ...sizes });
      const caller = await promise;
      assertEquals([client, caller].map((end) => ({ ...end.bufferSizes() })), [twice, twice]);
    }),
);

linuxTest(
  "peerCredentials tells who is at the other end of a local socket, at both ends",
  () =>
    inFolder(async (folder) => {
      const { promise, resolve } = Promise.withResolvers<Caller>();
      await using listener = new Listener(0, { path: `${folder}/s`, network });
      listener.attach({ onConnect: resolve });
      await listener.start();
      await using client = await Client.connect({ path: `${folder}/s`, network });
      const caller = await promise;
      const [uid, gid] = [
        Number(await outputOf("id", ["-u"])),
        Number(await outputOf("id", ["-g"])),
      ];
      for (const end of [client, caller]) {
        assertEquals({ ...end.peerCredentials! }, { pid: Deno.pid, uid, gid });
        assertEquals(assertThrows(() => end.tcpInfo(), GenericError, "no TCP").code, "unsupported");
      }
      caller.abort();
      assertThrows(() => caller.peerCredentials, GenericError, "already closed");
    }),
);

linuxTest("tcpInfo tells how the connection is doing", async () => {
  await connected(async (client, caller) => {
    await client.write("hello");
    assertEquals(text((await client.read(5))[0]), "hello");
    const info = client.tcpInfo();
    assertEquals([info.state, info.totalRetransmits, info.lostSegments], ["established", 0, 0]);
    assertEquals([caller.tcpInfo().receivedBytes, info.receivedBytes], [5, 5]);
    assert(info.roundTripTimeInMillis > 0 && info.roundTripTimeInMillis < 1_000);
    assert(info.congestionWindow >= 1 && info.segmentSize >= 500 && info.pathMtu >= 576);
    assertEquals([client.peerCredentials, caller.peerCredentials], [undefined, undefined]);
    // Half an end: what the system knows changes with it.
    await client.shutdownWrite();
    assertMatch(client.tcpInfo().state, /^fin-wait-[12]$/);
  });
});

Deno.test({
  name: "tcpInfo tells the same as ss",
  ignore: !hasSs,
  async fn() {
    await connected(async (client, caller) => {
      await client.write(new Uint8Array(100_000));
      for (let read = 0; read < 100_000;) read += (await client.read())[1];
      // A confirmation may take its time; then nothing changes any more.
      while (client.tcpInfo().unconfirmedSegments + caller.tcpInfo().unconfirmedSegments > 0) {
        await network.clock.looked!();
      }
      for (const { localPort, remotePort, tcpInfo } of [tcpOf(client), tcpOf(caller)]) {
        const ss = await shown("-i", localPort, remotePort);
        const info = tcpInfo();
        const of = (name: string) => Number(new RegExp(` ${name}:([\\d.]+)`).exec(ss)?.[1]);
        assertEquals(
          [info.congestionWindow, info.segmentSize, info.pathMtu, info.retransmitTimeoutInMillis],
          [of("cwnd"), of("mss"), of("pmtu"), of("rto")],
        );
        assertEquals([info.receivedBytes, info.confirmedBytes], [
          of("bytes_received"),
          of("bytes_acked"),
        ]);
        assertEquals(Math.round(info.roundTripTimeInMillis * 1_000), of("rtt") * 1_000);
        assertEquals(info.minRoundTripTimeInMillis, of("minrtt"));
      }
    });
  },
});

/** What is compared of an end. */
function tcpOf(end: Client | Caller) {
  const { localPort, remotePort } = end;
  return { localPort, remotePort, tcpInfo: () => end.tcpInfo() };
}

linuxTest("tcpInfo is that of the connection below a secure one, at both ends", async () => {
  const authority = await Authority.make("Tests");
  const { cert, key } = await authority.sign();
  await connected(
    async (client, caller) => {
      await client.write("hello");
      assertEquals(text((await client.read(5))[0]), "hello");
      for (const end of [client, caller]) {
        assert(end.secure !== undefined);
        assert(end.tcpInfo().receivedBytes > 200);
        assert(end.bufferSizes().sendBufferSize > 1_000);
      }
    },
    { secureSocket: { cert, key } },
    // By node:tls, over this engine's streams.
    { secureSocket: { caCerts: [authority.cert] } },
  );
});

linuxTest("resetOnAbort of a caller resets, and a caller without it ends", async () => {
  for (const resetOnAbort of [true, false]) {
    await connected(async (client, caller) => {
      const reading = client.read().then(([, length]) => length, (error) => error.code);
      caller.abort();
      assertEquals(await reading, resetOnAbort ? "broken" : -1);
    }, { resetOnAbort });
    await connected(
      async (client, caller) => {
        const closed = caller.closed;
        client.abort();
        assertEquals((await closed)?.code, resetOnAbort ? "broken" : undefined);
      },
      {},
      { resetOnAbort },
    );
  }
});

linuxTest("localPort is the port of this end, with an address and without", async () => {
  for (
    const [host, localAddress] of [["127.0.0.1", "127.0.0.9"], ["127.0.0.1"], ["::1"]] as const
  ) {
    const localPort = await freePort();
    await connected(
      (client, caller) => {
        assertEquals([client.localPort, caller.remotePort], [localPort, localPort]);
        if (localAddress !== undefined) assertEquals(caller.remoteAddress, localAddress);
      },
      { interface: host! },
      { localPort, ...(localAddress === undefined ? {} : { localAddress }) },
    );
  }
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const error = await assertRejects(
    () => connected(() => {}, {}, { localPort: taken.addr.port }),
    GenericError,
    `the local port ${taken.addr.port} is in use; take another localPort, or leave it out`,
  );
  assertEquals(error.code, "in-use");
});

linuxTest("localPort can be used for the next server, and for the same one again", async () => {
  const localPort = await freePort();
  const seen: number[] = [];
  for (let i = 0; i < 2; i++) {
    await using one = new Listener(0, { interface: "127.0.0.1" });
    await using other = new Listener(0, { interface: "127.0.0.1" });
    for (const listener of [one, other]) {
      await listener.serve(async (caller) => {
        seen.push(caller.remotePort);
        for await (const bytes of caller) await caller.write(bytes);
      });
    }
    for (const { port } of [one, other, one]) {
      const client = await Client.connect({ host: "127.0.0.1", port, localPort, network });
      await client.write("x");
      await client.read();
      // This end ends it first, and keeps the port for a while.
      await client.close();
    }
  }
  assertEquals(seen, Array(6).fill(localPort));
});

linuxTest("networkInterface is the only one that is used, and must be there", async () => {
  await connected(
    async (client) => {
      await client.write("x");
      assertEquals((await client.read())[1], 1);
    },
    { networkInterface: "lo" },
    { networkInterface: "lo" },
  );
  for (
    const made of [
      connected(() => {}, { networkInterface: "none-such" }),
      connected(() => {}, {}, { networkInterface: "none-such" }),
    ]
  ) {
    const error = await assertRejects(() => made, GenericError, 'no network interface "none-such"');
    assertEquals(error.code, "unreachable");
  }
});

linuxTest("reusePort shares a port between listeners, and each gets its part", async () => {
  const config = { interface: "127.0.0.1", network, reusePort: true };
  await using first = new Listener(0, config);
  first.attach({ onBytes: () => "first" });
  await first.start();
  await using second = new Listener(first.port, config);
  second.attach({ onBytes: () => "second" });
  await second.start();
  const answers = new Set<string>();
  for (let i = 0; i < 60; i++) {
    await using client = await Client.connect({ host: "127.0.0.1", port: first.port, network });
    await client.write("x");
    answers.add(text((await client.read())[0]));
  }
  assertEquals(answers, new Set(["first", "second"]));
  const alone = new Listener(first.port, { interface: "127.0.0.1", network });
  assertEquals((await assertRejects(() => alone.start(), GenericError)).code, "in-use");
});

/** What a network of its own, where fast open is allowed, has counted. */
const FAST_OPEN = ["ip link set lo up", "echo 3 > /proc/sys/net/ipv4/tcp_fastopen"].join(" && ");
const hasNamespaces = hasLinuxEngine && await canUnshare();

async function canUnshare(): Promise<boolean> {
  try {
    await outputOf("unshare", ["-rn", "sh", "-c", FAST_OPEN]);
    return true;
  } catch {
    console.log("skipped: fast open: no network namespace can be made here (unshare, iproute2)");
    return false;
  }
}

Deno.test({
  name:
    "fastOpen has the first bytes go out with the first packet, once the client knows the server",
  ignore: !hasNamespaces,
  fn: () =>
    inFolder(async (folder) => {
      await Deno.writeTextFile(
        `${folder}/script.ts`,
        `import { Client, Listener } from ${MOD};
         import { linuxNetwork as network } from ${LINUX};
         const fastOpen = true;
         await using listener = new Listener(0, { interface: "127.0.0.1", network, fastOpen });
         listener.attach({ onBytes: (_caller, bytes) => bytes });
         await listener.start();
         for (let i = 0; i < 3; i++) {
           const to = { host: "127.0.0.1", port: listener.port, network, fastOpen };
           await using client = await Client.connect(to);
           const { state } = client.tcpInfo();
           await client.write("hello");
           const [, length] = await client.read(5);
           console.log(state, length, client.remoteAddress, client.remotePort === listener.port);
         }`,
      );
      const deno = `'${Deno.execPath()}' run --quiet --allow-net --allow-ffi '${folder}/script.ts'`;
      const count =
        "nstat -asz TcpExtTCPFastOpenPassive | grep -o 'Passive *[0-9]*' | grep -o '[0-9]*$'";
      const script = `${FAST_OPEN}; ${deno}; ${count}`;
      const printed = await outputOf("unshare", ["-rn", "sh", "-c", script]);
      assertEquals(printed.trim().split("\n"), [
        "established 5 127.0.0.1 true",
        "syn-sent 5 127.0.0.1 true",
        "syn-sent 5 127.0.0.1 true",
        "2",
      ]);
    }),
});
