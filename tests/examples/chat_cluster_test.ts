// examples/chat_cluster: four processes on two hosts behind HAProxy, and books at all ends.

import { assert, assertEquals } from "@std/assert";
import { type Books, type BusProgram, Cluster, nats } from "../support/chat_cluster.ts";
import { inFolder } from "../support/folder.ts";
import { peerTest } from "../support/peers.ts";
import type { Program } from "../support/program.ts";

async function booksOf(guests: Program): Promise<Books> {
  const { code, stdout, stderr } = await guests.ending();
  assertEquals([code, stderr], [0, ""]);
  return JSON.parse(stdout.split("\n").at(-2)!);
}

async function withCluster(kind: BusProgram, body: (cluster: Cluster) => Promise<void>) {
  await inFolder(async (folder) => {
    await using cluster = await Cluster.start(kind, folder);
    await body(cluster);
  });
}

const buses = { NATS: [nats, "nats-server"] } as const;

for (const [name, [kind, program]] of Object.entries(buses)) {
  const needs = ["haproxy", "curl", program] as const;
  await peerTest(
    `examples/chat_cluster brings 20,000 lines to all of 500 guests, by ${name}`,
    needs,
    () =>
      withCluster(kind, async (cluster) => {
        const books = await booksOf(cluster.guests(25, 20, 40));
        assertEquals(books, {
          said: 20_000,
          heard: 400_000,
          unordered: 0,
          missing: 0,
          lost: 0,
          refused: 0,
          returns: 0,
        });
        const stats = await Promise.all(cluster.members.map((member) => cluster.statsOf(member)));
        assertEquals(stats.reduce((sum, { accepted }) => sum + accepted, 0), 500);
        for (const { accepted, missed } of stats) {
          assertEquals(missed, 0);
          assert(accepted > 0, "HAProxy gives guests to each process");
        }
      }),
  );

  await peerTest(
    `examples/chat_cluster loses nothing unsaid on a bad day, by ${name}`,
    needs,
    () =>
      withCluster(kind, async (cluster) => {
        await using guests = cluster.guests(5, 20);
        await using _deaf = cluster.deafGuest("room0");
        await guests.line(/^All are in$/);
        // One process dies.
        const [first, second, third, fourth] = cluster.members;
        await fourth!.program[Symbol.asyncDispose]();
        await cluster.startAgain(fourth!);
        // The others are replaced, one after the other.
        for (const member of [first!, second!, third!]) {
          member.program.signal("SIGTERM");
          const { code, stdout } = await member.program.ending();
          assertEquals([code, JSON.parse(stdout.split("\n").at(-2)!).cut], [0, []]);
          await cluster.startAgain(member);
        }
        // The bus dies, and comes back.
        const away = cluster.members.map(({ program }) => program.line(/is away/, "stderr"));
        await cluster.killBus();
        await Promise.all(away);
        const back = cluster.members.map(({ program }) => program.line(/is there/, "stderr"));
        await cluster.startBus();
        await Promise.all(back);
        await guests.endInput();
        const { unordered, missing, said, returns } = await booksOf(guests);
        assertEquals([unordered, missing], [0, 0]);
        assert(said > 500 && returns >= 50, `${said} said, ${returns} returns`);
      }),
  );
}
