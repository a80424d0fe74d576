// The MQTT clients of others, mosquitto_pub and mosquitto_sub, against examples/mqtt_broker.ts.

import { assertEquals, assertMatch } from "@std/assert";
import { interrupt, portOfExample, startExample } from "../support/example.ts";
import { peerTest } from "../support/peers.ts";
import { outputOf, Program } from "../support/program.ts";

const BOTH = ["mosquitto_pub", "mosquitto_sub"] as const;

/** Publishes something and waits until the broker has it. */
function publish(port: number, topic: string, text: string, ...args: string[]): Promise<string> {
  return outputOf("mosquitto_pub", ["-p", port, "-t", topic, "-m", text, ...args]);
}

/** Subscribes, and waits until that holds: a message is retained for whoever comes. */
async function subscriber(port: number, ...args: string[]): Promise<Program> {
  const program = new Program("mosquitto_sub", ["-p", `${port}`, "-v", "-t", "ready", ...args]);
  await program.line(/^ready now$/);
  return program;
}

async function withBroker(work: (port: number) => Promise<void>): Promise<void> {
  await using server = await startExample("mqtt_broker", { PORT: 0 });
  const port = await portOfExample(server);
  await publish(port, "ready", "now", "-r", "-q", "1");
  await work(port);
  await interrupt(server);
}

await peerTest(
  "mosquitto_sub gets what fits its filters from examples/mqtt_broker.ts",
  BOTH,
  () =>
    withBroker(async (port) => {
      await using all = await subscriber(port, "-q", "1", "-t", "a/#", "-t", "a/+", "-C", "5");
      await using some = await subscriber(
        port,
        "-q",
        "0",
        "-t",
        "+/b",
        "-t",
        "\u{1f680}",
        "-C",
        "4",
      );
      for (const [i, topic] of ["a", "a/b", "b", "a/b/c", "x/b", "\u{1f680}", "a/c"].entries()) {
        await publish(port, topic, `${i} \u00fc`, "-q", `${i % 2}`);
      }
      const [everything, something] = [await all.ending(), await some.ending()];
      assertEquals(everything.stdout, "ready now\na 0 ü\na/b 1 ü\na/b/c 3 ü\na/c 6 ü\n");
      assertEquals(something.stdout, "ready now\na/b 1 ü\nx/b 4 ü\n\u{1f680} 5 ü\n");
    }),
);

for (const qos of [0, 1]) {
  await peerTest(
    `50 mosquitto_sub get 1,000 messages of QoS ${qos} in order from examples/mqtt_broker.ts`,
    BOTH,
    () =>
      withBroker(async (port) => {
        await using programs = new AsyncDisposableStack();
        const args = ["-q", `${qos}`, "-t", "numbers", "-C", "1001"];
        const subscribers = await Promise.all(
          Array.from({ length: 50 }, async () => programs.use(await subscriber(port, ...args))),
        );
        const numbers = Array.from({ length: 1_000 }, (_, i) => `${i}\n`);
        const input = new TextEncoder().encode(numbers.join(""));
        await outputOf("mosquitto_pub", ["-p", port, "-q", qos, "-t", "numbers", "-l"], input);
        const expected = `ready now\n${numbers.map((number) => `numbers ${number}`).join("")}`;
        for (const subscriber of subscribers) {
          const { stdout, stderr } = await subscriber.ending();
          assertEquals([stdout, stderr], [expected, ""]);
        }
      }),
  );
}

await peerTest(
  "examples/mqtt_broker.ts retains the last message of a topic",
  BOTH,
  () =>
    withBroker(async (port) => {
      await publish(port, "door", "open", "-r");
      await publish(port, "door", "shut", "-r", "-q", "1");
      await publish(port, "bell", "rings");
      const kept = (filter: string) =>
        outputOf("mosquitto_sub", ["-p", port, "-F", "%r %t %p", "-t", filter, "-C", 1, "-W", 5]);
      assertEquals(await kept("+"), "1 ready now\n");
      assertEquals(await kept("door/#"), "1 door shut\n");
      // An empty message takes it back; only what comes then is sent, as something new.
      await outputOf("mosquitto_pub", ["-p", port, "-t", "door", "-r", "-n", "-q", 1]);
      await using late = await subscriber(port, "-t", "door", "-t", "bell", "-C", "2");
      await publish(port, "door", "ajar", "-r");
      assertEquals((await late.ending()).stdout, "ready now\ndoor ajar\n");
    }),
);

await peerTest(
  "examples/mqtt_broker.ts publishes the last will of who does not say goodbye",
  BOTH,
  () =>
    withBroker(async (port) => {
      await using heir = await subscriber(port, "-t", "wills/#", "-C", "3", "-q", "1");
      const will = (name: string) => ["--will-topic", `wills/${name}`, "--will-payload", name];
      // The first one says goodbye, the second is killed, the third loses its name to another client.
      await using polite = await subscriber(port, ...will("first"), "-C", "1");
      assertEquals((await polite.ending()).code, 0);
      await (await subscriber(port, ...will("second")))[Symbol.asyncDispose]();
      await heir.line(/^wills\/second second$/);
      await using _loser = await subscriber(port, "-i", "name", ...will("third"));
      await using _other = await subscriber(port, "-i", "name");
      assertEquals(
        (await heir.ending()).stdout,
        "ready now\nwills/second second\nwills/third third\n",
      );
    }),
);

await peerTest(
  "examples/mqtt_broker.ts refuses versions of MQTT that it does not speak",
  BOTH,
  () =>
    withBroker(async (port) => {
      for (const version of ["5", "mqttv31"]) {
        const args = ["-p", `${port}`, "-V", version, "-t", "a"];
        await using program = new Program("mosquitto_sub", args);
        const { code, stderr } = await program.ending();
        assertEquals(code === 0, false);
        assertMatch(stderr, /[Uu]n(supported|acceptable) [Pp]rotocol [Vv]ersion/);
      }
    }),
);
