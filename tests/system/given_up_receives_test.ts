// A receive that was given up does not keep the program alive: nobody waits for what it brings. Each program here ends
// by itself, after everything that ends a wait without a datagram.

import { assertEquals } from "@std/assert";
import { linuxNetworkProblem } from "../../linux/mod.ts";
import { Program } from "../support/program.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { localClient } from "../support/udp_engines.ts";
import { bytesOf } from "../support/text.ts";

/** How a program begins. */
const HEAD = `
import { denoNetwork, UdpClient, UdpListener } from "${import.meta.resolve("../../mod.ts")}";
import { linuxNetwork } from "${import.meta.resolve("../../linux/mod.ts")}";
const network = Deno.env.get("ENGINE") === "linux" ? linuxNetwork : denoNetwork;
const here = { host: "127.0.0.1", port: 0 };
const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
const client = async () => {
  const made = new UdpClient(here, { network });
  await made.bound;
  return made;
};
const listener = async () => {
  const made = new UdpListener(0, { interface: "127.0.0.1", network });
  await made.start();
  return made;
};
const says = async (content, { host, port }) => {
  await using speaker = await client();
  await speaker.sendTo(content, { host: host ?? "127.0.0.1", port });
};
`;

/** What gives up receives, and leaves nothing that waits. */
const GIVEN_UP = {
  "a timeout": `
    await (await client()).receiveFrom({ timeoutInMillis: 1 }).catch((e) => console.log(e.code));`,
  "a signal": `
    const aborting = new AbortController();
    const waiting = (await client()).read({ signal: aborting.signal });
    await turn();
    aborting.abort("enough");
    console.log(await waiting.catch((reason) => reason));`,
  "one of two": `
    const one = await client();
    const both = [one.read({ timeoutInMillis: 1 }), one.read({ timeoutInMillis: 2 })];
    for (const read of both) console.log(await read.catch((e) => e.code));`,
  "an iteration that is left": `
    const steps = (await client())[Symbol.asyncIterator]();
    const step = steps.next();
    await turn();
    await steps.return();
    console.log((await step).done);`,
  "an iteration over a listener that is left": `
    const steps = (await listener()).iterate();
    const step = steps.next();
    await turn();
    await steps.return();
    console.log((await step).done);`,
  "a service that is detached, and its last session": `
    const told = Promise.withResolvers();
    const service = { onSession: told.resolve };
    const heard = await listener();
    heard.attach(service);
    await says("x", heard);
    const session = await told.promise;
    heard.detach(service);
    await turn();
    await session.close();
    console.log("closed");`,
  "a listener that is suspended": `
    const heard = await listener();
    heard.attach({ onBytes() {} });
    await turn();
    heard.suspend();
    console.log("suspended");`,
  "one that is closed and stopped after that": `
    const one = await client();
    await one.receiveFrom({ timeoutInMillis: 1 }).catch((e) => console.log(e.code));
    await one.close();
    const heard = await listener();
    const steps = heard.iterate();
    void steps.next();
    await turn();
    await steps.return();
    await heard.gracefulStop();
    console.log("stopped");`,
};

const flags = ["run", "--no-prompt", "--no-check", "--unstable-net", "--allow-all", "-"];
const linuxProblem = linuxNetworkProblem();

/** Runs a program on an engine. */
async function run(engine: string, body: string): Promise<Program> {
  const program = new Program("deno", flags, { env: { ENGINE: engine } });
  await program.type(bytesOf(HEAD + body));
  await program.endInput();
  return program;
}

for (const engine of linuxProblem === undefined ? ["deno", "linux"] : ["deno"]) {
  Deno.test(`Receives that were given up let the program end (${engine})`, async () => {
    const bodies = Object.values(GIVEN_UP).map((body) => `{${body}\n}`);
    await using program = await run(engine, bodies.join("\n"));
    const { code, stdout, stderr } = await program.ending();
    assertEquals([code, stderr, stdout.split("\n")], [0, "", [
      ...["timed-out", "enough", "timed-out", "timed-out", "true", "true", "closed", "suspended"],
      ...["timed-out", "stopped", ""],
    ]]);
  });

  Deno.test(`A receive after those that were given up keeps the program alive (${engine})`, async () => {
    await using program = await run(
      engine,
      `
      const one = await client();
      for (let i = 0; i < 3; i++) {
        await one.receiveFrom({ timeoutInMillis: 1 }).catch((e) => e.code);
      }
      const heard = await listener();
      const steps = heard.iterate();
      void steps.next();
      await turn();
      await steps.return();
      console.log(one.localPort, heard.port);
      // Neither is awaited: only what they wait for is left.
      one.read().then(async ([bytes]) => {
        console.log(new TextDecoder().decode(bytes));
        const [, { data }] = (await heard.iterate().next()).value;
        console.log(new TextDecoder().decode(data));
      });`,
    );
    const [, client, listener] = await program.line(/(\d+) (\d+)/);
    await using speaker = localClient(denoNetwork);
    const to = (port?: string) => ({ host: "127.0.0.1", port: Number(port) });
    await speaker.sendTo("one", to(client));
    await program.line(/one/);
    await speaker.sendTo("two", to(listener));
    await program.line(/two/);
  });
}
