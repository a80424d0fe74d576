// The MQTT client of npm against examples/mqtt_broker.ts.

import { assertEquals, assertRejects } from "@std/assert";
import mqtt, { type IClientOptions, type MqttClient } from "npm:mqtt@5.16.0";
import { portOfExample, startExample } from "../support/example.ts";

/** Connects to a broker; a connection that is lost stays so. */
function connect(port: number, options: IClientOptions = {}): Promise<MqttClient> {
  const usual = { protocolVersion: 4, reconnectPeriod: 0, keepalive: 0 } as const;
  return mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { ...usual, ...options });
}

/** All that a client gets until there are so many messages, each with its quality of service. */
function messages(client: MqttClient, count: number): Promise<string[]> {
  const got: string[] = [];
  return new Promise((resolve, reject) => {
    client.on("close", () => reject(new Error(`closed after ${got.length} messages`)));
    client.on("message", (topic, payload, { qos, retain }) => {
      if (got.push(`${qos}${retain ? " kept" : ""} ${topic} ${payload}`) === count) resolve(got);
    });
  });
}

Deno.test("The mqtt client of npm talks to examples/mqtt_broker.ts", async () => {
  await using server = await startExample("mqtt_broker", { PORT: 0 });
  const port = await portOfExample(server);
  const will = { topic: "wills", payload: "gone", qos: 1, retain: false } as const;
  const [ann, bob] = [await connect(port), await connect(port, { will, keepalive: 1 })];
  try {
    const heard = messages(ann, 4);
    assertEquals(
      (await ann.subscribeAsync({ "a/+": { qos: 0 }, "a/b": { qos: 2 }, wills: { qos: 1 } }))
        .map(({ topic, qos }) => [topic, qos]),
      [["a/+", 0], ["a/b", 1], ["wills", 1]],
    );
    await assertRejects(() => ann.subscribeAsync("/".repeat(40)), Error, "Unspecified error");
    await bob.publishAsync("a/b", "one", { qos: 1, retain: true });
    await bob.publishAsync("b", "nobody");
    await ann.publishAsync("a/c", "to myself", { qos: 1 });
    await ann.unsubscribeAsync("a/+");
    await ann.publishAsync("a/c", "unwanted", { qos: 1 });
    await bob.publishAsync("a/b", "x".repeat(200_000), { qos: 1 });
    bob.stream.destroy(); // without a goodbye
    assertEquals(await heard, [
      ...["1 a/b one", "0 a/c to myself", `1 a/b ${"x".repeat(200_000)}`, "1 wills gone"],
    ]);
  } finally {
    await Promise.all([ann.endAsync(), bob.endAsync(true)]);
  }
});

for (const qos of [0, 1] as const) {
  Deno.test(`50 mqtt clients of npm get 1,000 messages of QoS ${qos} in order`, async () => {
    await using server = await startExample("mqtt_broker", { PORT: 0 });
    const port = await portOfExample(server);
    const clients = await Promise.all(Array.from({ length: 50 }, () => connect(port)));
    const publisher = await connect(port);
    try {
      await Promise.all(clients.map((client) => client.subscribeAsync("numbers/#", { qos })));
      const all = clients.map((client) => messages(client, 1_000));
      const topics = Array.from({ length: 1_000 }, (_, i) => `numbers/${i % 7}`);
      // All at once: a burst makes no subscriber deaf.
      await Promise.all(topics.map((topic, i) => publisher.publishAsync(topic, `${i}`, { qos })));
      const expected = topics.map((topic, i) => `${qos} ${topic} ${i}`);
      for (const got of await Promise.all(all)) assertEquals(got, expected);
    } finally {
      for (const client of [...clients, publisher]) client.removeAllListeners("close");
      await Promise.all([...clients, publisher].map((client) => client.endAsync()));
    }
  });
}
