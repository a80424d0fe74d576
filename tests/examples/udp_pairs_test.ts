// Whether two of the examples can be made to answer each other for ever, by one datagram with a forged sender.

import { assertEquals } from "@std/assert";
import { SocketError, UdpClient } from "../../mod.ts";
import { portOfExample, startExample } from "../support/example.ts";
import { inFolder } from "../support/folder.ts";
import type { Program } from "../support/program.ts";

/** A question and its answer may lead to a few more datagrams, as blocks of TFTP do. */
const MOST = 30;
/** Two that have been quiet for this time have nothing more to say to each other. */
const QUIET_IN_MILLIS = 300;

/** What the forged datagram may be: something for each of the servers, and what they send themselves. */
function firstDatagrams(): (string | Uint8Array<ArrayBuffer>)[] {
  const question = "\0\x01\x01\0\0\x01\0\0\0\0\0\0\x03one\x07example\0\0\x01\0\x01";
  const answer = new Uint8Array(1_032);
  const lastAnswer = answer.with(7, 3);
  return [
    "x",
    question,
    question.replace("\x01\0", "\x81\0"),
    "\0\x01file\0octet\0",
    "\0\x04\0\0",
    "\0\x05\0\x01no\0",
    "\0\0\0\0",
    answer,
    lastAnswer,
    "join ???????? anywhere",
    "12345678 where?\n",
    "1 north\n2 south\n",
    "hits:1|c",
    "show",
  ];
}

/** Stands between two servers, each of which takes it for the other: how many datagrams they send. */
async function exchanged(ports: [number, number], first: string | Uint8Array<ArrayBuffer>) {
  await using one = new UdpClient(undefined, { remoteHost: "127.0.0.1", remotePort: ports[0] });
  await using other = new UdpClient(undefined, { remoteHost: "127.0.0.1", remotePort: ports[1] });
  let count = 0;
  const pass = async (from: UdpClient, to: UdpClient) => {
    try {
      while (count < MOST) {
        const [bytes] = await from.read(undefined, { timeoutInMillis: QUIET_IN_MILLIS });
        count++;
        await to.write(bytes);
      }
    } catch (error) {
      if (!(error instanceof SocketError) || error.code !== "timed-out") throw error;
    }
  };
  await one.write(first);
  await Promise.all([pass(one, other), pass(other, one)]);
  return count;
}

Deno.test("no two UDP examples answer each other for ever", async () => {
  await inFolder(async (FOLDER) => {
    await Deno.writeFile(`${FOLDER}/file`, new Uint8Array(3_000));
    const words = { FOLDER, FILE: `${FOLDER}/file`, PORT: 0 };
    const names = ["udp_echo", "dns_server", "tftp_server", "statsd", "udp_file_server"];
    names.push("linux_udp");
    const servers: { name: string; program: Program; port: number }[] = [];
    try {
      // Of each kind there are two, so that a kind meets itself, too.
      for (const name of [...names, ...names]) {
        const program = await startExample(name, words);
        servers.push({ name, program, port: await portOfExample(program) });
      }
      for (const first of firstDatagrams()) {
        const pairs = servers.slice(0, names.length).flatMap((a) =>
          servers.slice(names.length).map((b) => [a, b] as const)
        );
        const endless = await Promise.all(pairs.map(async ([a, b]) => {
          // An echo is one by its kind: it leaves off after 1,000 a second.
          if (a.name === "udp_echo" && b.name === "udp_echo") return [];
          const count = await exchanged([a.port, b.port], first);
          return count < MOST
            ? []
            : [`${a.name} and ${b.name}: ${JSON.stringify(String(first).slice(0, 40))}`];
        }));
        assertEquals(endless.flat(), []);
      }
    } finally {
      for (const { program } of servers) await program[Symbol.asyncDispose]();
    }
  });
});
