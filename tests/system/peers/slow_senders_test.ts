// Slow senders, as slowhttptest makes them, against a listener with a minimum rate.

import { assert, assertEquals } from "@std/assert";
import { type Caller, Listener } from "../../../mod.ts";
import { coreOf } from "../../../src/connection/connection.ts";
import { dial } from "../../support/dial.ts";
import { peerTest } from "../../support/peers.ts";
import { Program } from "../../support/program.ts";

const HEAD_END = new TextEncoder().encode("\r\n\r\n");
const ANSWER = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** Waits for a whole head, or the end: one byte more than is there, until the empty line has arrived. */
function readHead(caller: Caller): Promise<boolean> {
  const { reader } = coreOf(caller);
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const at = reader.queue.indexOf(HEAD_END);
      if (at >= 0) {
        reader.take(at + HEAD_END.length);
        resolve(true);
      } else if (reader.hasEnded) {
        resolve(false);
      } else {
        reader.atLeast({ length: reader.queue.length + 1, ready: look, fail: reject }, Infinity);
      }
    };
    look();
  });
}

await peerTest(
  "Listener serves others while slowhttptest holds as many connections as it can",
  ["slowhttptest"],
  async () => {
    const listener = new Listener(0, {
      interface: "127.0.0.1",
      // Fewer than it makes: without a minimum rate it would have them all, for as long as it likes.
      maxConnections: 50,
      minBytesPerSecond: 100,
      minRateIntervalInMillis: 500,
    });
    listener.attach({
      async onConnect(caller) {
        if (await readHead(caller)) await caller.write(ANSWER);
        await caller.close();
      },
    });
    await listener.start();
    await using slow = new Program("slowhttptest", [
      ...["-H", "-c", "200", "-r", "500", "-i", "1", "-l", "4", "-p", "1", "-x", "10"],
      ...["-u", `http://127.0.0.1:${listener.port}/`],
    ]);
    let hasEnded = false;
    const end = () => hasEnded = true;
    slow.ending().then(end, end);
    // How many depends on the machine; without the minimum rate it is none, once all places are taken.
    let served = 0;
    while (!hasEnded) {
      await using client = await dial(listener);
      await client.write("GET / HTTP/1.1\r\nhost: here\r\n\r\n");
      const [, length] = await client.read(ANSWER.length, { timeoutInMillis: 60_000 });
      assertEquals(length, ANSWER.length);
      const { open, rejected } = listener.stats();
      assert(open <= 50);
      if (rejected["slow-sender"] > 0) served++;
    }
    assert(served >= 1, "nobody was served beside the slow senders");
    assert(listener.stats().rejected["slow-sender"] >= 10);
    assertEquals((await slow.ending()).code, 0);
    const { completed, aborted } = await listener.gracefulStop({ deadlineInMillis: 2_000 });
    assertEquals([listener.stats().open, completed + aborted <= 50], [0, true]);
  },
);
