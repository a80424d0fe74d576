// Each option of datagrams on the engine for Linux, on real sockets.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { GenericError, UdpClient, UdpListener } from "../../mod.ts";
import { linuxNetwork as network } from "../../linux/mod.ts";
import * as abi from "../../src/network/linux/abi.ts";
import { must } from "../../src/network/linux/errno.ts";
import { libc } from "../../src/network/linux/libc.ts";
import { ipSocketAddress } from "../../src/network/linux/sockaddr.ts";
import { bindTo, closeDescriptor, openSocket } from "../../src/network/linux/socket.ts";
import { hasLinuxEngine, linuxTest } from "../support/linux_engine.ts";
import { freePort } from "../support/free_port.ts";
import { inFolder } from "../support/folder.ts";
import { peerTest } from "../support/peers.ts";
import { isInstalled, outputOf, Program } from "../support/program.ts";
import { text } from "../support/text.ts";

const host = "127.0.0.1";

/** Asks once from a port of its own, and gives the answer. */
async function ask(port: number, to = host): Promise<string> {
  await using client = new UdpClient(undefined, { remoteHost: to, remotePort: port });
  await client.write("hello");
  return text((await client.read(undefined, { timeoutInMillis: 10_000 }))[0]);
}

linuxTest(
  "receiveBufferSize and sendBufferSize are what bufferSizes tells: twice as much",
  async () => {
    const config = { network, receiveBufferSize: 40_000, sendBufferSize: 50_000 };
    const twice = { receiveBufferSize: 80_000, sendBufferSize: 100_000 };
    await using client = new UdpClient({ host, port: 0 }, config);
    assertEquals({ ...await client.bufferSizes() }, twice);
    assert(Object.isFrozen(await client.bufferSizes()));
    const listener = new UdpListener(0, { interface: host, ...config });
    assertEquals((await assertRejects(() => listener.bufferSizes(), GenericError)).code, "closed");
    await listener.start();
    assertEquals({ ...await listener.bufferSizes() }, twice);
    await listener.gracefulStop();
    await using other = new UdpClient({ host, port: 0 }, { network });
    assert((await other.bufferSizes()).receiveBufferSize !== twice.receiveBufferSize);
    await client.close();
    assertEquals((await assertRejects(() => client.bufferSizes(), GenericError)).code, "closed");
  },
);

Deno.test({
  name: "typeOfService is that of datagrams, for IPv4 and IPv6",
  ignore: !hasLinuxEngine || !await isInstalled("ss"),
  async fn() {
    for (const host of ["127.0.0.1", "::1"]) {
      await using client = new UdpClient({ host, port: 0 }, { network, typeOfService: 184 });
      const { port } = await client.bound;
      const shown = await outputOf("ss", ["-Huan", "--tos", "sport", "=", `:${port}`]);
      assertMatch(shown, /tos:0xb8|tclass:0xb8/);
    }
  },
});

linuxTest("timeToLive is for IPv6, too", async () => {
  await using listener = new UdpListener(0, { interface: "::1", network, timeToLive: 9 });
  listener.attach({ onBytes: (_caller, bytes) => bytes });
  await listener.start();
  assertEquals(await ask(listener.port, "::1"), "hello");
});

linuxTest("networkInterface is the only one that is used, and must be there", async () => {
  const config = { interface: host, network, networkInterface: "lo" };
  await using listener = new UdpListener(0, config);
  listener.attach({ onBytes: (_caller, bytes) => bytes });
  await listener.start();
  assertEquals(await ask(listener.port), "hello");
  const wrong = new UdpClient({ host, port: 0 }, { network, networkInterface: "none-such" });
  const error = await assertRejects(() => wrong.bound, GenericError, '"none-such"');
  assertEquals(error.code, "unreachable");
});

linuxTest(
  "reusePort shares a port: all of one peer goes to one, and each gets its part",
  async () => {
    const config = { interface: host, network, reusePort: true };
    await using first = new UdpListener(0, config);
    first.attach({ onBytes: () => "first" });
    await first.start();
    await using second = new UdpListener(first.port, config);
    second.attach({ onBytes: () => "second" });
    await second.start();
    const answers = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const to = { remoteHost: host, remotePort: first.port };
      await using client = new UdpClient({ host, port: 0 }, to);
      const heard: string[] = [];
      for (let j = 0; j < 3; j++) {
        await client.write("hello");
        heard.push(text((await client.read())[0]));
      }
      assertEquals(new Set(heard).size, 1);
      answers.add(heard[0]!);
    }
    assertEquals(answers, new Set(["first", "second"]));
    const alone = new UdpClient({ host, port: first.port }, { network });
    assertEquals((await assertRejects(() => alone.bound, GenericError)).code, "in-use");
  },
);

linuxTest("inherited takes over a bound socket of datagrams, once", async () => {
  for (const address of ["127.0.0.1", "::1"]) {
    const family = address === "::1" ? abi.AF_INET6 : abi.AF_INET;
    const kept = openSocket(family, abi.SOCK_DGRAM);
    bindTo(kept, ipSocketAddress(address, 0));
    const lowest = address === "::1" ? 610 : 600;
    const inherited = must("fcntl", () => libc().fcntl(kept, abi.F_DUPFD_CLOEXEC, lowest));
    const listener = new UdpListener(0, { inherited, network, receiveBufferSize: 40_000 });
    listener.attach({ onBytes: (_caller, bytes) => bytes });
    await listener.start();
    assertEquals([await ask(listener.port, address), listener.address], ["hello", address]);
    assertEquals((await listener.bufferSizes()).receiveBufferSize, 80_000);
    await listener.gracefulStop();
    const error = await assertRejects(() => listener.start(), GenericError, "taken already");
    assertEquals(error.code, "in-use");
    closeDescriptor(kept);
  }
  const wrong = new UdpClient(undefined, { inherited: 1_000_001, network });
  const error = await assertRejects(() => wrong.bound, GenericError, "no such descriptor");
  assertEquals(error.code, "unreachable");
});

peerTest("A listener of datagrams is started by systemd for its first one", [
  "systemd-socket-activate",
], () =>
  inFolder(async (folder) => {
    if (!hasLinuxEngine) return;
    const port = await freePort();
    const [mod, linux] = ["../../mod.ts", "../../linux/mod.ts"].map((path) =>
      JSON.stringify(import.meta.resolve(path))
    );
    await Deno.writeTextFile(
      `${folder}/script.ts`,
      `import { UdpListener } from ${mod};
       import { linuxNetwork as network } from ${linux};
       const listener = new UdpListener(0, { inherited: "echo", network });
       listener.attach({ onBytes: (_, bytes) => bytes });
       await listener.start();
       console.log("listening on", listener.port);`,
    );
    const flags = [
      "--allow-env=LISTEN_FDS,LISTEN_PID,LISTEN_FDNAMES",
      "--allow-net",
      "--allow-ffi",
    ];
    await using program = new Program("systemd-socket-activate", [
      ...["-d", "-l", `${host}:${port}`, "--fdname=echo"],
      ...[Deno.execPath(), "run", "--quiet", "--no-prompt", ...flags, `${folder}/script.ts`],
    ]);
    await program.line(/Listening on 127/, "stderr");
    // The first one has waited for the program in the system's buffer.
    assertEquals(await ask(port), "hello");
    await program.line(new RegExp(`^listening on ${port}$`));
  }));
