// What a program is told that was given no permission: the exact flag, whichever engine makes the socket.

import { assertEquals, assertMatch } from "@std/assert";
import { hasLinuxEngine } from "../support/linux_engine.ts";
import { inFolder } from "../support/folder.ts";
import { outputOf } from "../support/program.ts";
import { scriptOutput } from "../support/script_output.ts";

const door = (name: string) => JSON.stringify(new URL(`../../${name}`, import.meta.url).href);

/** Prints what each attempt is told. */
function script(network: string): string {
  const engine = network === "linuxNetwork" ? "linux/mod.ts" : "mod.ts";
  return `
    import { Client, Listener, UdpClient, UdpListener } from ${door("mod.ts")};
    import { ${network} as network } from ${door(engine)};
    const told = (action) => action().catch(({ code, message }) => console.log(code, message));
    const local = { interface: "127.0.0.1", network };
    await told(() => new Listener(7000, local).start());
    await told(() => new Listener(7000, { ...local, interface: "localhost" }).start());
    await told(() => new Listener(7000, { ...local, reusePort: true }).start());
    await told(() => new UdpListener(7000, local).start());
    await told(() => new UdpClient({ host: "::1", port: 0 }, { network }).bound);
    await told(() => Client.connect({ host: "127.0.0.1", port: 7000, network }));
    await told(() => Client.connect({ host: "peer.invalid", port: 7000, network }));
    await told(() => Client.connect({ host: "peer.invalid", port: 7000, family: 4, network }));
    await told(() => Client.connect({ path: "/tmp/a socket", network }));
    await told(() => Client.connect({ path: "\\0abstract", network }));
    await told(() => Client.connect({
      host: "127.0.0.1", port: 7000, secureSocket: { caCertFile: "ca.pem" }, network,
    }));
    await told(() => new Listener(0, { inherited: "auto", network }).start());`;
}

const TOLD = [
  "Cannot listen on 127.0.0.1:7000: no permission, run with --allow-net=127.0.0.1:7000",
  "Cannot listen on localhost:7000: no permission, run with --allow-net=localhost:7000",
  "Cannot listen on 127.0.0.1:7000: no permission, run with --allow-net=127.0.0.1:7000",
  "Cannot bind to 127.0.0.1:7000: no permission, run with --allow-net=127.0.0.1:7000",
  "Cannot bind to [::1]:0: no permission, run with --allow-net=[::1]",
  "Cannot connect to 127.0.0.1:7000: no permission, run with --allow-net=127.0.0.1:7000",
  "Cannot connect to peer.invalid:7000: no permission, run with --allow-net=peer.invalid:7000",
  "Cannot connect to peer.invalid:7000: no permission, run with --allow-net=peer.invalid:7000",
  "Cannot connect to /tmp/a socket: no permission, run with --allow-net='unix:/tmp/a socket' " +
  "--allow-read='/tmp/a socket' --allow-write='/tmp/a socket'",
  "Cannot connect to @abstract: no permission, run with --allow-net",
  'Cannot use secureSocket.caCertFile "ca.pem": run with --allow-read=ca.pem',
  "Cannot take over an inherited socket: no permission, " +
  "run with --allow-env=LISTEN_FDS,LISTEN_PID,LISTEN_FDNAMES",
].map((message) => `denied ${message}`);

const engines: [name: string, network: string, flags: string[]][] = [
  ["Deno's sockets", "denoNetwork", ["--unstable-net"]],
  ["Deno's sockets without --unstable-net", "denoNetwork", []],
  ["node:dgram", "nodeNetwork", []],
];
if (hasLinuxEngine) engines.push(["the engine for Linux", "linuxNetwork", ["--allow-ffi"]]);

/** Looks for a service, by the network and by one that shows its traffic. */
function serviceScript(network: string): string {
  const engine = network === "linuxNetwork" ? "linux/mod.ts" : "mod.ts";
  return `
    import { Client } from ${door("mod.ts")};
    import { ${network} } from ${door(engine)};
    import { printed } from ${door("debug.ts")};
    for (const network of [${network}, printed(${network})]) {
      const finding = Client.connect({ srv: "_x._tcp.peer.invalid", network });
      await finding.catch(({ code, message }) => console.log(code, message));
    }`;
}

for (const [name, network, flags] of engines) {
  Deno.test(`Each error says which permission it takes (${name})`, async () => {
    const printed = await scriptOutput(["--quiet", ...flags], script(network));
    assertEquals(printed.trimEnd().split("\n"), TOLD);
  });

  Deno.test(`A client with srv says which name server it may not ask (${name})`, async () => {
    const printed = await scriptOutput(["--quiet", ...flags], serviceScript(network));
    const told = printed.trimEnd().split("\n");
    assertEquals(told.length, 2);
    const wanted =
      /^denied Cannot find _x\._tcp\.peer\.invalid: no permission, run with --allow-net=\S+:53$/;
    for (const line of told) assertMatch(line, wanted);
  });
}

/** Starts, stops and starts again, or prints what that takes. */
const restarted = (network: string, make: string) => `
    import { Listener, UdpListener } from ${door("mod.ts")};
    import { ${network} as network } from ${
  door(network === "linuxNetwork" ? "linux/mod.ts" : "mod.ts")
};
    const listener = ${make};
    try {
      await listener.start();
      await listener.gracefulStop();
      await listener.start();
      await listener.gracefulStop();
      console.log("served");
    } catch ({ message }) {
      console.log(message);
    }`;

const unix = (path: string) => `new Listener(0, { path: "${path}", network })`;
const WHEREVER = `{ interface: "127.0.0.1", network }`;

const MADE: Record<string, string> = {
  "a relative path": unix("rel.sock"),
  "a path that leads up": unix("a/../up.sock"),
  "a path with a space": unix("a b.sock"),
  "a path with a comma": unix("a,b.sock"),
  "a path that a shell would read": unix("$a'b.sock"),
  "a long path": unix("l".repeat(106)),
  "port 0": `new Listener(0, ${WHEREVER})`,
  "port 0 of IPv6": `new Listener(0, { interface: "::1", network })`,
  "a shared port 0": `new Listener(0, { interface: "127.0.0.1", reusePort: true, network })`,
  "port 0 of UDP": `new UdpListener(0, ${WHEREVER})`,
};

for (const [name, network, flags] of engines) {
  Deno.test(`What a denied start says can be pasted into a shell, and is enough (${name})`, async () => {
    await inFolder(async (folder) => {
      await Deno.mkdir(`${folder}/a`);
      await Promise.all(
        Object.entries(MADE).map(async ([what, make], i) => {
          const file = `${folder}/${i}.ts`;
          await Deno.writeTextFile(file, restarted(network, make));
          const run = (given: string) => {
            const command = `cd "$2"; exec "$0" run --no-prompt --quiet ${
              flags.join(" ")
            } ${given} "$1"`;
            return outputOf("sh", ["-c", command, Deno.execPath(), file, folder]);
          };
          const said = await run("");
          const advice = /no permission, run with (.*)\n$/s.exec(said)?.[1];
          assertEquals(await run(advice ?? ""), "served\n", `${what}: ${said}`);
        }),
      );
    });
  });
}

/** Prints what each attempt is told that a flag denies. */
const denied = (network: string) => `
    import { Client, Listener, UdpClient } from ${door("mod.ts")};
    import { ${network} as network } from ${
  door(network === "linuxNetwork" ? "linux/mod.ts" : "mod.ts")
};
    const told = (action) => action().catch(({ code, message }) => console.log(code, message));
    const target = { host: "127.0.0.1", port: 7000, network };
    await told(() => new Listener(7000, { interface: "127.0.0.1", network }).start());
    await told(() => new UdpClient({ host: "127.0.0.1", port: 7000 }, { network }).bound);
    await told(() => Client.connect(target));
    await told(() => Client.connect({ ...target, host: "127.0.0.2", localAddress: "127.0.0.1", localPort: 7000 }));
    await told(() => Client.connect({ path: "/nowhere/a", network }));
    await told(() => new Listener(0, { path: "/nowhere/a", network }).start());
    await told(() => Client.connect({ ...target, secureSocket: { caCertFile: "/nowhere/ca.pem" } }));
    await told(() => new Listener(0, { inherited: "auto", network }).start());`;

const DENIED = [
  "Cannot listen on 127.0.0.1:7000: no permission, --deny-net forbids 127.0.0.1:7000",
  "Cannot bind to 127.0.0.1:7000: no permission, --deny-net forbids 127.0.0.1:7000",
  "Cannot connect to 127.0.0.1:7000: no permission, --deny-net forbids 127.0.0.1:7000",
  "Cannot connect to 127.0.0.2:7000: no permission, --deny-net forbids 127.0.0.1:7000",
  "Cannot connect to /nowhere/a: no permission, --deny-read forbids /nowhere/a",
  "Cannot listen on /nowhere/a: no permission, --deny-write forbids /nowhere/a~",
  'Cannot use secureSocket.caCertFile "/nowhere/ca.pem": --deny-read forbids /nowhere/ca.pem',
  "Cannot take over an inherited socket: no permission, --deny-env forbids LISTEN_FDS",
].map((message) => `denied ${message}`);

for (const [name, network, flags] of engines) {
  Deno.test(`Each error says which flag denies what it takes (${name})`, async () => {
    const given = [
      "--allow-net=127.0.0.1,127.0.0.2,unix:/nowhere",
      "--allow-read",
      "--allow-write",
      "--allow-env",
    ];
    const denials = [
      "--deny-net=127.0.0.1:7000",
      "--deny-read=/nowhere",
      "--deny-write=/nowhere/a~",
      "--deny-env=LISTEN_FDS",
    ];
    const printed = await scriptOutput(
      ["--quiet", ...flags, ...given, ...denials],
      denied(network),
    );
    assertEquals(printed.trimEnd().split("\n"), DENIED);
  });
}

if (hasLinuxEngine) {
  Deno.test("Without the permission for the C library, each call of the engine for Linux says where it is", async () => {
    const printed = await scriptOutput(
      ["--quiet", "--allow-net"],
      `import { Client, Listener } from ${door("mod.ts")};
       import { linuxNetwork as network, linuxNetworkProblem } from ${door("linux/mod.ts")};
       console.log(linuxNetworkProblem());
       const told = (action) => action().catch(({ code, message }) => console.log(code, message));
       await told(() => new Listener(0, { interface: "127.0.0.1", network }).start());
       await told(() => Client.connect({ host: "127.0.0.1", port: 7000, network }));`,
    );
    const message = "Cannot use the engine for Linux: no permission, run with " +
      `--allow-ffi=/lib/${Deno.build.arch}-linux-gnu/libc.so.6 ` +
      "(or with --allow-ffi, if the library is elsewhere)";
    assertEquals(printed.trimEnd().split("\n"), [
      message,
      `denied ${message}`,
      `denied ${message}`,
    ]);
  });
}
