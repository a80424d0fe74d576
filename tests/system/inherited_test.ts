// Sockets that somebody else has bound, or that several share, in processes of their own: by systemd-socket-activate,
// and by a shell that keeps the descriptor while one process after the other serves it.

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  type Caller,
  Client,
  GenericError,
  Listener,
  type ListenerConfig,
  UdpClient,
  UdpListener,
} from "../../mod.ts";
import type { Network } from "../../network.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { listenNode } from "../../src/network/node/node_listener.ts";
import { argumentsOf } from "../support/example.ts";
import { inFolder } from "../support/folder.ts";
import { freePort } from "../support/free_port.ts";
import { hasLinuxEngine } from "../support/linux_engine.ts";
import { listening } from "../support/listening.ts";
import { peerTest } from "../support/peers.ts";
import { Program } from "../support/program.ts";
import { scriptOutput } from "../support/script_output.ts";
import { text } from "../support/text.ts";
import { hasDatagrams } from "../support/udp_engines.ts";

const MOD = JSON.stringify(import.meta.resolve("../../mod.ts"));
const LINUX = JSON.stringify(import.meta.resolve("../../linux/mod.ts"));

type Bytes = Uint8Array<ArrayBuffer>;

/** Asks once, and gives the answer. */
async function ask(to: { port: number } | { path: string }, request = "hello"): Promise<string> {
  await using client = await Client.connect("port" in to ? { host: "127.0.0.1", ...to } : to);
  await client.write(request);
  const [bytes] = await client.read(undefined, { timeoutInMillis: 10_000 });
  return text(bytes);
}

/** The arguments that run a script in a program of its own. */
async function scriptIn(
  folder: string,
  script: string,
  flags: readonly string[] = [],
): Promise<string[]> {
  const file = `${folder}/script.ts`;
  await Deno.writeTextFile(file, script);
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", ...flags, file];
}

/** Starts a program by systemd's own starter, which binds, and runs it at the first client. */
function activated(args: readonly string[], command: readonly string[]): Program {
  return new Program("systemd-socket-activate", ["-E", "NO_COLOR=1", ...args, ...command]);
}

const VARIABLES = "--allow-env=LISTEN_FDS,LISTEN_PID,LISTEN_FDNAMES";

peerTest("The example is started by systemd for its first client, and needs no port", [
  "systemd-socket-activate",
], async () => {
  const port = await freePort();
  const args = await argumentsOf("socket_activation", { PORT: 1 });
  await using program = activated(["-l", `127.0.0.1:${port}`], [Deno.execPath(), ...args]);
  await program.line(/Listening on 127/, "stderr");
  assertEquals(await ask({ port }), "hello");
  await program.line(new RegExp(`^Listening on 127\\.0\\.0\\.1:${port}$`));
  program.signal("SIGTERM");
  const { code } = await program.ending();
  assertEquals(code, 0);
});

/** What a script imports to have a network, and what that needs. */
const NETWORKS: readonly (readonly [name: string, line: string, flags: readonly string[]])[] = [
  ["Deno's", `import { denoNetwork as network } from ${MOD};`, []],
  ...hasLinuxEngine
    ? [["Linux's", `import { linuxNetwork as network } from ${LINUX};`, ["--allow-ffi"]] as const]
    : [],
];

if (hasLinuxEngine) {
  peerTest(
    "Workers take over one socket each (Linux's)",
    ["systemd-socket-activate"],
    () =>
      inFolder(async (folder) => {
        const ports = [await freePort(), await freePort()];
        const worker = `${folder}/worker.ts`;
        await Deno.writeTextFile(
          worker,
          `import { Listener } from ${MOD};
       import { linuxNetwork as network } from ${LINUX};
       const listener = new Listener(0, { inherited: "web", network });
       listener.attach({ onBytes: () => "here" });
       onmessage = async () => postMessage((await listener.gracefulStop()).completed);
       await listener.start().then(() => postMessage(listener.port), ({ code, message }) => {
         postMessage(code + " " + message);
       });`,
        );
        const command = await scriptIn(
          folder,
          `const workers = [];
       const heard = (worker) => new Promise((resolve) => worker.onmessage = (e) => resolve(e.data));
       for (let i = 0; i < 3; i++) {
         workers[i] = new Worker(import.meta.resolve("./worker.ts"), { type: "module" });
         console.log(await heard(workers[i]));
       }
       workers[0].postMessage("stop");
       console.log("stopped", await heard(workers[0]));`,
          [VARIABLES, "--allow-ffi", "--allow-read"],
        );
        await using program = activated(
          [...ports.flatMap((port) => ["-l", `127.0.0.1:${port}`]), "--fdname=web:web"],
          command,
        );
        await program.line(/Listening on 127/, "stderr");
        const first = ask({ port: ports[0]! });
        for (const port of ports) await program.line(new RegExp(`^${port}$`));
        await program.line(/^in-use Cannot take over .* taken already, by another worker/);
        assertEquals(await first, "here");
        await program.line(/^stopped/);
        assertEquals(await ask({ port: ports[1]! }), "here");
      }),
  );
}

for (const [engine, line, flags] of NETWORKS) {
  peerTest(`Listeners take over sockets by their names: TCP and Unix (${engine})`, [
    "systemd-socket-activate",
  ], () =>
    inFolder(async (folder) => {
      const port = await freePort();
      const path = `${folder}/s`;
      // Not even the network has to be allowed.
      const command = await scriptIn(
        folder,
        `import { Listener } from ${MOD};
       ${line}
       for (const name of ["web", "ctl", "web", "gone"]) {
         const listener = new Listener(0, { inherited: name, network });
         listener.attach({ onBytes: (caller) => name + (caller.remotePort === 0 ? " local" : " tcp") });
         try {
           await listener.start();
           console.log(name, listener.port);
         } catch (error) {
           console.log(name, error.code, error.message);
         }
       }
       console.log("ready");`,
        [VARIABLES, ...flags],
      );
      await using program = activated(
        ["-l", `127.0.0.1:${port}`, "-l", path, "--fdname=web:ctl"],
        command,
      );
      await program.line(/Listening on 127/, "stderr");
      assertEquals(await ask({ port }), "web tcp");
      assertEquals(await ask({ path }), "ctl local");
      await program.line(new RegExp(`^web ${port}$`));
      await program.line(/^ctl 0$/);
      await program.line(
        /^web in-use Cannot take over the inherited socket "web": descriptor 3 was taken/,
      );
      await program.line(/^gone unreachable .*there are only "web", "ctl"$/);
    }));
}

peerTest("A listener says what is wrong with an inherited socket", [
  "systemd-socket-activate",
], () =>
  inFolder(async (folder) => {
    const port = await freePort();
    const command = await scriptIn(
      folder,
      `import { Listener, UdpListener } from ${MOD};
       for (const [Kind, inherited] of [[Listener, 3], [UdpListener, 3], [Listener, 700], [Listener, "auto"]]) {
         const listener = new Kind(0, { inherited });
         await listener.start().catch(({ code, message }) => console.log(code, message));
       }`,
      [VARIABLES],
    );
    await using program = activated(["-d", "-l", `127.0.0.1:${port}`], command);
    await program.line(/Listening on 127/, "stderr");
    await using client = new UdpClient();
    await client.sendTo("wake", { host: "127.0.0.1", port });
    const { stdout } = await program.ending();
    const wrong = "it is no listening socket of TCP, and no local one";
    assertEquals(stdout.trim().split("\n"), [
      `unreachable Cannot listen on descriptor 3: ${wrong}`,
      "unsupported Cannot take over an inherited socket: this network cannot, pass network: " +
      "linuxNetwork (linux/mod.ts)",
      `unreachable Cannot listen on descriptor 700: ${wrong}`,
      `unreachable Cannot listen on descriptor 3: ${wrong}`,
    ]);
  }));

for (const [engine, line, permissions] of NETWORKS) {
  peerTest(
    `A shared descriptor loses no request over restarts: what comes meanwhile waits (${engine})`,
    [
      "systemd-socket-activate",
    ],
    () =>
      inFolder(async (folder) => {
        const port = await freePort();
        const [deno, ...args] = await scriptIn(
          folder,
          `import { Listener } from ${MOD};
       ${line}
       const listener = new Listener(0, { inherited: 3, network });
       listener.attach({
         onBytes: (_, bytes) => {
           // After the answer, the next process.
           if (bytes[0] === 115) void listener.gracefulStop();
           return bytes;
         },
       });
       await listener.start();
       await listener.closed;`,
          permissions,
        );
        const ROUNDS = 4;
        const each = `for i in 1 2 3 4; do '${deno}' ${args.join(" ")}; done`;
        await using program = activated(["-l", `127.0.0.1:${port}`], ["/bin/sh", "-c", each]);
        await program.line(/Listening on 127/, "stderr");
        let isOver = false;
        let [answers, ends] = [0, 0];
        const clients = Array.from({ length: 8 }, async () => {
          while (!isOver) {
            // A connection on which nothing had come when its process stopped is ended politely.
            if (await ask({ port }) === "hello") answers++;
            else ends++;
          }
        });
        for (let i = 1; i < ROUNDS; i++) {
          assertEquals(await ask({ port }, "stop"), "stop");
          const before = answers;
          // Those of the next process.
          while (answers < before + 20) {
            if (await ask({ port }) === "hello") answers++;
          }
        }
        isOver = true;
        await Promise.all(clients);
        assertEquals(await ask({ port }, "stop"), "stop");
        assertEquals((await program.ending()).code, 0);
        // At most one for each client and stop.
        assertEquals(ends <= ROUNDS * clients.length, true);
      }),
  );
}

for (const flags of hasDatagrams ? [["--unstable-net"], []] : [[]]) {
  Deno.test(`Processes share a port, and each gets its part (${flags.join() || "no flag"})`, async () => {
    const port = await freePort();
    const start = async () => {
      const [run, ...rest] = await argumentsOf("shared_port", { PORT: port });
      const program = new Program("deno", [run!, ...flags, ...rest]);
      await program.line(/^Listening on 127/);
      return program;
    };
    await using first = await start();
    await using second = await start();
    const served = new Set<string>();
    for (let i = 0; i < 60; i++) served.add((await ask({ port })).split(":")[0]!);
    assertEquals(served, new Set([`${first.pid}`, `${second.pid}`]));
    // One that stops drains its own, and the other gets the rest.
    first.signal("SIGINT");
    assertEquals((await first.ending()).code, 0);
    for (let i = 0; i < 10; i++) {
      assertMatch(await ask({ port }), new RegExp(`^${second.pid}: hello$`));
    }
    const alone = new Listener(port, { interface: "127.0.0.1" });
    const error = await assertRejects(() => alone.start(), GenericError, "in use");
    assertEquals(error.code, "in-use");
  });
}

/** Deno's, to which any number of sockets were handed over, of the same name. */
const handingOver: Network = {
  ...denoNetwork,
  adopt: () => denoNetwork.listen({ hostname: "127.0.0.1", port: 0, backlog: 1 }),
  adoptDatagram: async () => await denoNetwork.listenDatagram({ hostname: "127.0.0.1", port: 0 }),
};

for (const [i, Kind] of [Listener, UdpListener].entries()) {
  Deno.test(`A ${Kind.name} takes no second socket after a stop: it is another's`, async () => {
    const variables = {
      LISTEN_PID: `${Deno.pid}`,
      LISTEN_FDS: "6",
      LISTEN_FDNAMES: "web:web:web:dns:dns:dns",
    };
    for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
    try {
      const config = { inherited: ["web", "dns"][i]!, network: handingOver };
      const listener = new Kind(0, config);
      await listener.start();
      await listener.gracefulStop();
      const error = await assertRejects(() => listener.start(), GenericError, "a new listener");
      assertEquals(error.code, "in-use");
      await using next = new Kind(0, config);
      await next.start();
    } finally {
      for (const name of Object.keys(variables)) Deno.env.delete(name);
    }
  });
}

/** Deno's, whose listeners are node:net's; shared, as one that was handed over. */
function nodeListeners(isShared: boolean): Network {
  return {
    ...denoNetwork,
    listen: async (target) =>
      Object.defineProperty(await listenNode(target), "isShared", { value: isShared }),
  };
}

Deno.test("maxConnections holds where the engine accepts by itself, and nobody is lost", async () => {
  const network = nodeListeners(false);
  const config = { network, maxConnections: 1 };
  await using listener = await listening({ onBytes: (_caller, bytes) => bytes }, config);
  const to = { host: "127.0.0.1", port: listener.port };
  const first = await Client.connect(to);
  await first.write("1");
  assertEquals((await first.read())[1], 1);
  await using second = await Client.connect(to);
  await second.write("2");
  await denoNetwork.clock.looked!();
  assertEquals([listener.connections.size, listener.stats().accepted], [1, 1]);
  await first.close();
  assertEquals(text((await second.read())[0]), "2");
});

Deno.test("A service that is detached leaves new connections to the next one, whoever accepts", async () => {
  const service = { onBytes: () => "old" };
  await using listener = await listening(service, { network: nodeListeners(false) });
  const to = { port: listener.port };
  assertEquals(await ask(to), "old");
  listener.detach(service);
  const asking = [ask(to), ask(to)];
  await denoNetwork.clock.looked!();
  listener.attach({ onBytes: () => "new" });
  // A call was waiting for a connection when the service left.
  assertEquals(await Promise.all(asking), ["new", "new"]);
});

Deno.test("A stop serves what the engine has accepted from a shared socket, and nothing more", async () => {
  const listener = await listening({ onBytes: (_caller, bytes) => bytes }, {
    network: nodeListeners(true),
    maxConnections: 1,
  });
  const to = { host: "127.0.0.1", port: listener.port };
  const first = await Client.connect(to);
  await first.write("1");
  assertEquals((await first.read())[1], 1);
  const held = await Promise.all(Array.from({ length: 3 }, () => Client.connect(to)));
  for (const client of held) await client.write("2");
  await denoNetwork.clock.looked!();
  const stopping = listener.gracefulStop();
  await first.close();
  for (const client of held) {
    assertEquals(text((await client.read())[0]), "2");
    await client.close();
  }
  assertEquals((await stopping).aborted, 0);
  await assertRejects(() => Client.connect(to), GenericError, "refused");
});

const goingOn: readonly (readonly [string, ListenerConfig])[] = [
  ["a shared socket", { network: nodeListeners(true) }],
  ["a shared port", { reusePort: true }],
];
for (const [what, config] of goingOn) {
  Deno.test(`A stop of ${what} answers a client that had come and had not asked yet`, async () => {
    const isIn = Promise.withResolvers<void>();
    const service = {
      onConnect: () => isIn.resolve(),
      onBytes: (_: Caller, bytes: Bytes) => bytes,
    };
    const listener = await listening(service, config);
    await using client = await Client.connect({ host: "127.0.0.1", port: listener.port });
    await isIn.promise;
    const stopping = listener.gracefulStop();
    for (let i = 0; i < 3; i++) await denoNetwork.clock.looked!();
    await client.write("late");
    assertEquals(text((await client.read())[0]), "late");
    assertEquals((await client.read())[1], -1);
    await client.close();
    assertEquals(await stopping, { completed: 1, aborted: 0, cut: [] });
  });
}

for (const [engine, line, flags] of NETWORKS) {
  Deno.test({
    name: `notifyReady tells the service manager when the listener is bound (${engine})`,
    ignore: !hasDatagrams || Deno.build.os !== "linux",
    async fn() {
      const name = `socket-test/${crypto.randomUUID()}`;
      const manager = Deno.listenDatagram({ transport: "unixpacket", path: `\0${name}` });
      const script = `import { Listener } from ${MOD};
        ${line}
        await using listener = new Listener(0, { interface: "127.0.0.1", network, notifyReady: true });
        await listener.start();`;
      const own = flags.length > 0 ? flags : ["--unstable-net"];
      await using program = new Program("deno", [
        ...["run", "--quiet", "--no-prompt", "--allow-net", "--allow-env=NOTIFY_SOCKET", ...own],
        `data:application/typescript,${encodeURIComponent(script)}`,
      ], { env: { NOTIFY_SOCKET: `@${name}` } });
      const [bytes] = await manager.receive();
      assertEquals(text(bytes), "READY=1");
      const { code, stderr } = await program.ending();
      assertEquals([code, stderr], [0, ""]);
      manager.close();
    },
  });
}

Deno.test("A listener that shares a port without the flag needs the permission for it", async () => {
  const printed = await scriptOutput(
    [],
    `import { Listener } from ${MOD};
     const listener = new Listener(0, { interface: "127.0.0.1", reusePort: true });
     await listener.start().catch(({ code, message }) => console.log(code, message));`,
  );
  const action = "denied Cannot listen on 127.0.0.1:0: no permission";
  assertEquals(printed, `${action}, run with --allow-net=127.0.0.1\n`);
});

Deno.test("A listener refuses by name what an inherited socket cannot be set to, and leaves it alone", async () => {
  for (let i = 0; i < 2; i++) {
    const listener = new Listener(0, { inherited: 1_000_003, typeOfService: 184 });
    const error = await assertRejects(() => listener.start(), GenericError, "typeOfService");
    assertEquals(error.code, "unsupported");
  }
});
