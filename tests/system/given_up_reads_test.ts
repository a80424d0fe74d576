// A read that was given up does not keep the program alive: nobody waits for what it brings. Each program here dials the
// listeners of the test, on each kind of stream that an engine has.

import { assertEquals } from "@std/assert";
import { type Caller, Listener, type ListenerConfig } from "../../mod.ts";
import { linuxNetworkProblem } from "../../linux/mod.ts";
import { Authority } from "../support/certificates.ts";
import { inFolder } from "../support/folder.ts";
import { Program } from "../support/program.ts";
import { bytesOf } from "../support/text.ts";

/** How a program begins: it has a function that dials, for each kind of stream. */
const HEAD = `
import { Client, denoNetwork } from "${import.meta.resolve("../../mod.ts")}";
import { linuxNetwork } from "${import.meta.resolve("../../linux/mod.ts")}";
const { ENGINE, PORT, TLS_PORT, SOCKET, CA } = Deno.env.toObject();
const network = ENGINE === "linux" ? linuxNetwork : denoNetwork;
const port = Number(PORT);
const caCerts = [CA];
const here = { host: "127.0.0.1", port, network };
const secure = (secureSocket) => ({ host: "localhost", port: Number(TLS_PORT), network, secureSocket });
const dials = Object.fromEntries(Object.entries({
  tcp: here,
  local: { path: SOCKET, network },
  // On node:net, where the engine is Deno's.
  resetting: { ...here, resetOnAbort: true },
  // By Deno's own engine, where it can.
  tls: secure({ caCerts }),
  layer: secure({ caCerts, exposePeerCertificate: true }),
}).map(([kind, config]) => [kind, () => Client.connect(config)]));
const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
const giveUp = (client) => client.read({ timeoutInMillis: 1 }).catch((e) => e.code);
`;

const KINDS = ["tcp", "local", "resetting", "tls", "layer"];
const flags = ["run", "--no-prompt", "--no-check", "--allow-all", "-"];

/** Runs a program on an engine, beside a listener that writes when `answer` resolves, and then reads. */
function run(
  engine: string,
  body: string,
  test: (program: Program, answer: () => void) => Promise<void>,
): Promise<void> {
  return inFolder(async (folder) => {
    const authority = await Authority.make("authority");
    const { cert, key } = await authority.sign({ name: "localhost", hosts: ["localhost"] });
    const gate = Promise.withResolvers<void>();
    const serve = async (caller: Caller) => {
      await gate.promise;
      await caller.write("hello");
      for await (const _ of caller);
    };
    const listen = async (config: ListenerConfig, port = 0) => {
      const listener = new Listener(port, { interface: "127.0.0.1", ...config });
      await listener.serve(serve, { onError() {} });
      return listener;
    };
    await using plain = await listen({});
    await using secure = await listen({ secureSocket: { cert, key } });
    const SOCKET = `${folder}/socket`;
    await using local = new Listener(0, { path: SOCKET });
    await local.serve(serve, { onError() {} });
    const ports = { PORT: `${plain.port}`, TLS_PORT: `${secure.port}` };
    await using program = new Program("deno", flags, {
      env: { ENGINE: engine, ...ports, SOCKET, CA: authority.cert },
    });
    await program.type(bytesOf(HEAD + body));
    await program.endInput();
    await test(program, gate.resolve);
    gate.resolve();
  });
}

for (const engine of linuxNetworkProblem() === undefined ? ["deno", "linux"] : ["deno"]) {
  Deno.test(`Reads that were given up let the program end (${engine})`, () =>
    run(
      engine,
      `
      for (const [kind, dial] of Object.entries(dials)) {
        const said = [await giveUp(await dial())];
        const aborting = new AbortController();
        const waiting = (await dial()).read(100, { signal: aborting.signal });
        await turn();
        aborting.abort("enough");
        said.push(await waiting.catch((reason) => reason));
        const steps = (await dial())[Symbol.asyncIterator]();
        const step = steps.next();
        await turn();
        await steps.return();
        said.push((await step).done);
        const shut = await dial();
        const reading = shut.read();
        await turn();
        shut.shutdownRead();
        said.push((await reading)[1]);
        console.log(kind, ...said);
      }`,
      async (program) => {
        const { code, stdout, stderr } = await program.ending();
        assertEquals([code, stderr, stdout.trimEnd().split("\n")], [
          0,
          "",
          KINDS.map((kind) => `${kind} timed-out enough true -1`),
        ]);
      },
    ));

  // In a program for each kind: nothing else may keep it alive.
  Deno.test(`What is waited for after a read that was given up keeps the program alive (${engine})`, async () => {
    const kinds = engine === "deno" ? ["tcp", "resetting", "layer"] : ["tcp", "layer"];
    await Promise.all(kinds.map((kind) =>
      run(
        engine,
        `
        const client = await dials.${kind}();
        for (let i = 0; i < 2; i++) await giveUp(client);
        // None of it is awaited at the top.
        client.read(5)
          .then(async ([, length]) => {
            console.log("read", length);
            await giveUp(client);
            console.log("wrote", await client.write(new Uint8Array(10_000_000)));
            await giveUp(client);
            await client.close();
            console.log("closed");
          });
        console.log("waiting");`,
        async (program, answer) => {
          await program.line(/^waiting$/);
          answer();
          const { code, stdout, stderr } = await program.ending();
          assertEquals([code, stderr, stdout], [
            0,
            "",
            "waiting\nread 5\nwrote 10000000\nclosed\n",
          ], kind);
        },
      )
    ));
  });
}
