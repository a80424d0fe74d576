// examples/many_cores.ts under load: replaced twice, one of its processes killed, and books at both ends.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Client } from "../../mod.ts";
import { dial } from "../support/dial.ts";
import { portOfExample, startExample } from "../support/example.ts";
import { inFolder } from "../support/folder.ts";
import { outputOf, Program } from "../support/program.ts";
import { root } from "../support/source.ts";

const CLIENTS = 8;

/** What clients have seen. */
interface Books {
  /** Connections that were served. */
  served: number;
  answered: number;
  /** Connections that ended before they were served at all. */
  unserved: number;
  /** Connections that ended between two answers: a process that stops hangs up. */
  broken: number;
}

/** Connects, asks five times, goes, over and over. */
async function visit(port: number, books: Books, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    let answers = 0;
    let client: Client | undefined;
    try {
      client = await dial({ port });
      while (answers < 5) {
        await client.write("x");
        const [, length] = await client.read();
        if (length !== 1) break;
        answers++;
      }
    } catch { /* counted below */ }
    if (answers === 5) books.served++;
    else if (answers === 0) books.unserved++;
    else books.broken++;
    books.answered += answers;
    await client?.close();
  }
}

/** The processes of the first one. */
async function childrenOf(pid: number): Promise<number[]> {
  // Where there is none, pgrep fails.
  return (await outputOf("sh", ["-c", `pgrep -P ${pid} || true`])).trim().split("\n").map(Number);
}

Deno.test("examples/many_cores replaces its processes under load, and answers all that it has taken", async () => {
  await using program = await startExample("many_cores", { PORT: 0, PROCESSES: 2 });
  const port = await portOfExample(program);
  const before = await childrenOf(program.pid);
  const books: Books = { served: 0, answered: 0, unserved: 0, broken: 0 };
  let isOver = false;
  const visits = Array.from({ length: CLIENTS }, () => visit(port, books, () => isOver));
  for (let round = 0; round < 2; round++) {
    program.signal("SIGHUP");
    await program.line(/^All processes are new$/);
  }
  isOver = true;
  await Promise.all(visits);
  const after = await childrenOf(program.pid);
  assertEquals([before.length, after.length], [2, 2]);
  assertEquals(after.filter((pid) => before.includes(pid)), []);
  program.signal("SIGTERM");
  const { code, stdout, stderr } = await program.ending();
  assertEquals([code, stderr], [0, ""]);
  const sum = JSON.parse(stdout.trim().split("\n").at(-1)!);
  // What a process has taken, it has answered.
  assertEquals([sum.messages, sum.died], [books.answered, 0]);
  // Each client may meet the end of each process once, in its backlog or as its caller.
  const met = books.unserved + books.broken;
  assert(met <= 4 * CLIENTS, `${met} met an end`);
  assert(books.served > 100, `${books.served} served`);
  assert(sum.accepted >= books.served + books.broken);
});

Deno.test("examples/many_cores replaces a process that dies, a second later", async () => {
  await using program = await startExample("many_cores", { PORT: 0, PROCESSES: 2 });
  const port = await portOfExample(program);
  const [first, second] = await childrenOf(program.pid);
  await using _killed = new Program("kill", ["-KILL", String(first)]);
  await program.line(/^A process has died: the next one in a second$/, "stderr");
  const diedAt = performance.now();
  // The other one serves meanwhile.
  await using client = await dial({ port });
  await client.write("x");
  assertEquals((await client.read())[1], 1);
  await client.close();
  let now: number[];
  do now = await childrenOf(program.pid); while (now.length < 2);
  assert(performance.now() - diedAt > 900 && now.includes(second!) && !now.includes(first!));
  program.signal("SIGTERM");
  const { code, stdout } = await program.ending();
  const { died } = JSON.parse(stdout.trim().split("\n").at(-1)!);
  assertEquals([code, died], [0, 1]);
});

Deno.test("examples/many_cores leaves none of its processes behind when it is stopped while it starts them", async () => {
  await using program = await startExample("many_cores", { PORT: 0, PROCESSES: 3 });
  let first = 0;
  while (first === 0) first = (await childrenOf(program.pid))[0]!;
  program.signal("SIGTERM");
  // Each of them holds its standard error, so that it has not ended before they have.
  const { code, stderr } = await program.ending();
  assertEquals([code, stderr], [0, ""]);
});

Deno.test("examples/many_cores says why it cannot begin, and starts nothing again", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using program = await startExample("many_cores", { PORT: taken.addr.port, PROCESSES: 2 });
  const { code, stdout, stderr } = await program.ending();
  assertEquals([code, stdout], [1, `${JSON.stringify({ messages: 0, accepted: 0, died: 0 })}\n`]);
  assertEquals(stderr.match(/: the address is in use by /g)?.length, 1);
  assert(stderr.includes("A process has ended before it was ready"));
});

/** A process that lives only where it is the first one. */
const MORTAL = `
if (Deno.args[0] !== "0") Deno.exit(3);
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(JSON.stringify({ port: listener.addr.port }));
await listener.accept();`;

Deno.test("examples/many_cores starts a process that dies at once no more than once a second", () =>
  inFolder(async (folder) => {
    for (const part of ["", "_start"]) {
      const file = `many_cores${part}.ts`;
      await Deno.copyFile(new URL(`examples/${file}`, root), `${folder}/${file}`);
    }
    await Deno.writeTextFile(`${folder}/many_cores_worker.ts`, MORTAL);
    const args = ["run", "--quiet", "--no-prompt", "--allow-run"];
    await using program = new Program("deno", [...args, `${folder}/many_cores.ts`, "0", "1"]);
    const port = await portOfExample(program);
    // It goes when somebody comes.
    (await dial({ port })).abort();
    const dies = () => program.line(/^A process has died: the next one in a second$/, "stderr");
    await dies();
    const first = performance.now();
    for (let again = 0; again < 2; again++) {
      await program.line(/^A process has ended before it was ready$/, "stderr");
      await dies();
    }
    assert(performance.now() - first > 1_900);
    program.signal("SIGTERM");
    assertEquals((await program.ending()).code, 0);
  }));

Deno.test("examples/many_cores.ts says that it cannot be without a process", async () => {
  for (const PROCESSES of [0, "many"]) {
    await using program = await startExample("many_cores", { PORT: 0, PROCESSES });
    const { code, stdout, stderr } = await program.ending();
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, /PROCESSES must be a number from 1/);
  }
});
