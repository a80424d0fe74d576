// Many answers that come together, each of which takes long to handle: others have their turn in between.

import { assertEquals } from "@std/assert";
import { ReconnectingClient, Requests } from "../../clients.ts";
import { framed, LineCodec, Listener } from "../../mod.ts";

Deno.test("Requests let others go first while many answers are handled", async () => {
  const count = 60;
  await using listener = new Listener(0, { interface: "127.0.0.1" });
  const codec = new LineCodec();
  await listener.serve(async (caller) => {
    const messages = framed(caller, codec);
    const lines: string[] = [];
    for await (const line of messages) {
      if (lines.push(line) < count) continue;
      await messages.sendAll(lines.splice(0));
    }
  });
  const client = new ReconnectingClient({ host: "127.0.0.1", port: listener.port });
  const requests = new Requests(client, codec);
  let turns = 0;
  const countTurn = () => void (turns++, next = setImmediate(countTurn));
  let next = setImmediate(countTurn);
  const wentOnIn = new Set<number>();
  await Promise.all(Array.from({ length: count }, async (_, i) => {
    assertEquals(await requests.send(`${i}`), `${i}`);
    wentOnIn.add(turns);
    const until = performance.now() + 1;
    while (performance.now() < until);
  }));
  clearImmediate(next);
  assertEquals(wentOnIn.size >= 4, true, `in ${wentOnIn.size} turns`);
  await requests.close();
});
