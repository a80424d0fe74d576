// What hostile and broken MQTT clients do to examples/mqtt_broker.ts, beside honest ones.

import { assert, assertEquals } from "@std/assert";
import { generate, type Packet, parser } from "npm:mqtt-packet@9.0.2";
import { Buffer } from "node:buffer";
import { forget } from "../../examples/mqtt_hub.ts";
import type { Session } from "../../examples/mqtt_session.ts";
import type { Client } from "../../mod.ts";
import { dial } from "../support/dial.ts";
import { interrupt, portOfExample, startExample } from "../support/example.ts";

const timeoutInMillis = 15_000;
const of = (packet: Packet) => new Uint8Array(generate(packet));
const hello = (clientId = "", keepalive = 0) =>
  of({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, clientId, keepalive });
const subscription = (topics: readonly string[], qos: 0 | 1 = 1) =>
  of({ cmd: "subscribe", messageId: 1, subscriptions: topics.map((topic) => ({ topic, qos })) });
const message = (topic: string, payload: string | Buffer, qos: 0 | 1 = 0, retain = false) =>
  of({ cmd: "publish", topic, payload, qos, retain, dup: false, messageId: qos });

/** A client that says what it is told to, and understands the answers. */
class Guest implements AsyncDisposable {
  readonly #reader = parser();
  readonly #packets: Packet[] = [];

  private constructor(readonly client: Client) {
    this.#reader.on("packet", (packet) => this.#packets.push(packet));
  }

  /** Connects, and says something. */
  static async at(port: number, ...says: Uint8Array[]): Promise<Guest> {
    const guest = new Guest(await dial({ port }));
    for (const bytes of says) await guest.client.write(bytes);
    return guest;
  }

  /** The next packet; none where the broker has ended the connection. */
  async hears(): Promise<Packet | undefined> {
    while (this.#packets.length === 0) {
      const read = await this.client.read(undefined, { timeoutInMillis }).catch((error) => {
        if (error.code !== "broken") throw error;
      });
      if (read === undefined || read[1] < 0) return undefined;
      this.#reader.parse(Buffer.from(read[0]));
    }
    return this.#packets.shift();
  }

  /** What the next packets are, up to the end or to one of a kind. */
  async hearsUntil(cmd?: string): Promise<Packet[]> {
    const heard = [];
    for (let packet; (packet = await this.hears()) !== undefined;) {
      heard.push(packet);
      if (packet.cmd === cmd) break;
    }
    return heard;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.abort();
    await this.client.closed;
  }
}

const kinds = (packets: readonly Packet[]) => packets.map(({ cmd }) => cmd);

async function withBroker(work: (port: number, guests: AsyncDisposableStack) => Promise<void>) {
  await using server = await startExample("mqtt_broker", { PORT: 0 });
  const port = await portOfExample(server);
  {
    await using guests = new AsyncDisposableStack();
    await work(port, guests);
  }
  await interrupt(server);
}

/** Subscribes somebody, and waits until that holds. */
async function subscriber(port: number, topics: readonly string[], qos: 0 | 1 = 1): Promise<Guest> {
  const guest = await Guest.at(port, hello(), subscription(topics, qos));
  assertEquals(kinds(await guest.hearsUntil("suback")), ["connack", "suback"]);
  return guest;
}

/** Somebody who may publish. */
async function publisher(port: number): Promise<Guest> {
  const guest = await Guest.at(port, hello());
  assertEquals((await guest.hears())?.cmd, "connack");
  return guest;
}

/** Publishes something, and waits until the broker has it. */
async function publish(guest: Guest, topic: string, payload: string | Buffer, retain = false) {
  await guest.client.write(message(topic, payload, 1, retain));
  assertEquals((await guest.hears())?.cmd, "puback");
}

Deno.test("examples/mqtt_broker.ts lets nobody wait for subscribers that never read", () =>
  withBroker(async (port, guests) => {
    const deaf = [0, 1] as const;
    const [patient, owing] = await Promise.all(deaf.map((qos) => subscriber(port, ["big"], qos)));
    const honest = await Promise.all(deaf.map((qos) => subscriber(port, ["big"], qos)));
    const publishers = await Promise.all(Array.from({ length: 4 }, () => publisher(port)));
    for (const guest of [patient!, owing!, ...honest, ...publishers]) guests.use(guest);
    const ids = new Set<number>();
    // More than the system keeps for a client that does not read, and the broker for it.
    for (let round = 0; round < 30; round++) {
      const sizes = publishers.map((_, i) => 150_000 + i);
      await Promise.all(
        publishers.map((guest, i) => publish(guest, "big", Buffer.alloc(sizes[i]!))),
      );
      for (const [qos, guest] of honest.entries()) {
        const heard = [];
        for (const _ of sizes) {
          const packet = await guest.hears();
          assert(packet?.cmd === "publish" && packet.qos === qos);
          heard.push(packet.payload.length);
          if (qos === 0) continue;
          ids.add(packet.messageId!);
          await guest.client.write(of({ cmd: "puback", messageId: packet.messageId! }));
        }
        assertEquals(heard.sort(), sizes);
      }
    }
    assertEquals(ids.size, 120, "each message has its own number");
    // Who was promised all of them is ended; who was not has missed some, and goes on.
    assert((await owing!.hearsUntil()).length < 120);
    await patient!.client.write(of({ cmd: "pingreq" }));
    const heard = await patient!.hearsUntil("pingresp");
    assert(heard.length < 120 && heard.at(-1)?.cmd === "pingresp", `${heard.length}`);
    await publish(publishers[0]!, "big", "x");
    assertEquals(kinds([(await patient!.hears())!]), ["publish"]);
  }));

Deno.test("examples/mqtt_broker.ts keeps a burst for a subscriber that reads later", () =>
  withBroker(async (port, guests) => {
    const late = guests.use(await subscriber(port, ["burst"]));
    const bursting = guests.use(await publisher(port));
    const sizes = Array.from({ length: 1_300 }, (_, i) => i < 1_000 ? i % 10 : 13_000);
    const all = Buffer.concat(sizes.map((size) => message("burst", Buffer.alloc(size), 1)));
    await bursting.client.write(new Uint8Array(all));
    for (const _ of sizes) assertEquals((await bursting.hears())?.cmd, "puback");
    for (const size of sizes) {
      const packet = await late.hears();
      assert(packet?.cmd === "publish" && packet.payload.length === size);
    }
  }));

Deno.test("examples/mqtt_broker.ts ends a subscriber that acknowledges nothing", () =>
  withBroker(async (port, guests) => {
    const [ack, ping] = [of({ cmd: "puback", messageId: 1 }), of({ cmd: "pingreq" })];
    // Acknowledgements of what was never sent are no credit.
    const flood = new Uint8Array(Array.from({ length: 5_000 }, () => [...ack]).flat());
    const mute = guests.use(await Guest.at(port, hello(), flood, subscription(["a"]), ping));
    await mute.hearsUntil("pingresp");
    const honest = guests.use(await Guest.at(port, hello(), subscription(["a"], 0), ping));
    await honest.hearsUntil("pingresp");
    const one = [...message("a", "", 1)];
    const many = new Uint8Array(Array.from({ length: 61_000 }, () => one).flat());
    const publisher = guests.use(await Guest.at(port, hello()));
    void publisher.client.write(many);
    const answers = publisher.hearsUntil();
    const deliveries = (async () => {
      for (let i = 0; i < 61_000; i++) assertEquals((await honest.hears())?.cmd, "publish");
    })();
    const heard = await mute.hearsUntil();
    assert(heard.length <= 60_000, `${heard.length}`);
    assertEquals(new Set(kinds(heard)), new Set(["publish"]));
    await deliveries;
    await publisher.client.write(of({ cmd: "disconnect" }));
    assertEquals((await answers).length, 61_001);
  }));

Deno.test("examples/mqtt_broker.ts ends who is silent for longer than it said", () =>
  withBroker(async (port, guests) => {
    const begun = performance.now();
    const nobody = guests.use(await Guest.at(port));
    const half = guests.use(await Guest.at(port, hello().subarray(0, 9)));
    const quiet = guests.use(await Guest.at(port, hello("quiet", 1), subscription(["a"])));
    const cut = message("a", "cut off", 1).subarray(0, 8);
    const dripping = guests.use(await Guest.at(port, hello(), cut));
    const patient = guests.use(await Guest.at(port, hello("patient"), subscription(["a"])));
    // What it is sent does not count.
    const publisher = guests.use(await Guest.at(port, hello("", 1)));
    let isOver = false;
    const publishing = (async () => {
      await publisher.hears();
      while (!isOver) {
        await publisher.client.write(message("a", "x", 1));
        assertEquals((await publisher.hears())?.cmd, "puback");
        await publisher.client.read(undefined, { timeoutInMillis: 100 }).catch(() => {});
      }
    })();
    await quiet.hearsUntil();
    const silence = performance.now() - begun;
    assert(silence >= 1_400, `${silence}`);
    assertEquals([await nobody.hears(), await half.hears()], [undefined, undefined]);
    isOver = true;
    await publishing;
    assertEquals(kinds(await dripping.hearsUntil()), ["connack"]);
    await patient.client.write(of({ cmd: "pingreq" }));
    assertEquals((await patient.hearsUntil("pingresp")).at(-1)?.cmd, "pingresp");
  }));

Deno.test("examples/mqtt_broker.ts ends who begins with anything but one greeting", () =>
  withBroker(async (port, guests) => {
    const visit = async (...says: Uint8Array[]) => {
      const all = new Uint8Array(Buffer.concat(says));
      return kinds(await guests.use(await Guest.at(port, all)).hearsUntil());
    };
    assertEquals(await visit(of({ cmd: "pingreq" })), []);
    assertEquals(await visit(message("a", "x", 1), hello()), []);
    assert((await visit(hello(), hello(), of({ cmd: "pingreq" }))).length <= 1);
    assertEquals(await visit(hello(), of({ cmd: "disconnect" }), message("a", "x", 1)), [
      "connack",
    ]);
    const refused = hello().with(8, 5);
    assertEquals(await visit(refused, subscription(["#"])), ["connack"]);
    const nameless = hello().with(9, 0);
    assertEquals(await visit(nameless, subscription(["#"])), ["connack"]);
  }));

Deno.test("examples/mqtt_broker.ts gives a name to its last owner only", () =>
  withBroker(async (port, guests) => {
    const first = guests.use(await Guest.at(port, hello("name"), subscription(["a"])));
    await first.hearsUntil("suback");
    const second = guests.use(await Guest.at(port, hello("name"), subscription(["a"])));
    assertEquals(kinds(await second.hearsUntil("suback")), ["connack", "suback"]);
    assertEquals(await first.hears(), undefined);
    // The end of the first one does not free the name of the second.
    const third = guests.use(await Guest.at(port, hello("name")));
    assertEquals((await third.hears())?.cmd, "connack");
    assertEquals(await second.hears(), undefined);
  }));

Deno.test("examples/mqtt_broker.ts keeps no more filters and messages than it can", () =>
  withBroker(async (port, guests) => {
    const guest = guests.use(await Guest.at(port, hello()));
    assertEquals((await guest.hears())?.cmd, "connack");
    const ask = async (packet: Uint8Array, answer: string) => {
      await guest.client.write(packet);
      const heard = await guest.hearsUntil(answer);
      return heard as (Packet & { granted: number[] })[];
    };
    const names = Array.from({ length: 100 }, (_, i) => `${i}/x`);
    const [taken] = await ask(subscription(names), "suback");
    assertEquals(taken?.granted, Array(100).fill(1));
    const [full] = await ask(subscription(["one/more"]), "suback");
    assertEquals(full?.granted, [0x80]);
    const back = of({ cmd: "unsubscribe", messageId: 2, unsubscriptions: names });
    await ask(back, "unsuback");
    const [again] = await ask(subscription(["a/#/b", "r/#", "+a"]), "suback");
    assertEquals(again?.granted, [0x80, 1, 0x80]);

    const many = Array.from({ length: 100 }, (_, i) => `many/${i}`);
    await ask(of({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["r/#"] }), "unsuback");
    await ask(subscription(many), "suback");
    const [renewed] = await ask(subscription(["many/7", "one/more", "many/7"]), "suback");
    assertEquals(renewed?.granted, [1, 0x80, 1]);

    const other = guests.use(await Guest.at(port, hello()));
    for (let i = 0; i < 1_010; i++) await other.client.write(message(`r/${i}`, "x", 0, true));
    await other.client.write(message("r/500", "", 0, true)); // taken back: one more fits
    await other.client.write(message("r/long", Buffer.alloc(17_000), 0, true));
    await other.client.write(message(`r/${"x".repeat(17_000)}`, "long", 0, true));
    await other.client.write(message("r/last", "x", 0, true));
    await other.client.write(of({ cmd: "pingreq" }));
    await other.hearsUntil("pingresp");
    const late = guests.use(
      await Guest.at(port, hello(), subscription(["r/+"]), of({ cmd: "pingreq" })),
    );
    const kept = (await late.hearsUntil("pingresp")).filter(({ cmd }) => cmd === "publish");
    assertEquals(kept.length, 1_000);
    const topics = kept.map((packet) => "topic" in packet ? packet.topic : "");
    assertEquals([topics[0], topics.at(-1)], ["r/10", "r/last"]);
  }));

Deno.test("examples/mqtt_broker.ts retains messages of all, whatever one of them retains", () =>
  withBroker(async (port, guests) => {
    const [greedy, modest] = [guests.use(await publisher(port)), guests.use(await publisher(port))];
    await publish(modest, "modest/before", "x", true);
    for (let i = 0; i < 1_500; i++) await greedy.client.write(message(`greedy/${i}`, "x", 0, true));
    await greedy.client.write(of({ cmd: "pingreq" }));
    await greedy.hearsUntil("pingresp");
    for (const topic of ["modest/after", "modest/last"]) await publish(modest, topic, "x", true);
    const ping = of({ cmd: "pingreq" });
    const late = guests.use(await Guest.at(port, hello(), subscription(["#"], 0), ping));
    const topics = (await late.hearsUntil("pingresp")).flatMap((packet) =>
      packet.cmd === "publish" ? [packet.topic] : []
    );
    const kept = Array.from({ length: 997 }, (_, i) => `greedy/${i + 503}`);
    assertEquals(topics, ["modest/before", ...kept, "modest/after", "modest/last"]);
  }));

Deno.test("examples/mqtt_broker.ts says once what is retained, however often it is published meanwhile", () =>
  withBroker(async (port, guests) => {
    const publishers = await Promise.all(Array.from({ length: 4 }, () => publisher(port)));
    for (const guest of publishers) guests.use(guest);
    const payload = Buffer.alloc(16_000);
    const retain = async (count: number) => {
      for (let i = 0; i < count; i += 4) {
        await Promise.all(
          publishers.map((guest, at) => publish(guest, `${i + at}`, payload, true)),
        );
      }
    };
    await retain(1_000);
    const slow = guests.use(await Guest.at(port, hello(), subscription(["#"], 0)));
    await slow.hearsUntil("suback");
    const heard = [];
    for (let i = 0; i < 100; i++) heard.push(await slow.hears());
    // It has not read the rest, which is more than the system keeps.
    await retain(100);
    await slow.client.write(of({ cmd: "pingreq" }));
    heard.push(...await slow.hearsUntil("pingresp"));
    const retained = heard.filter((packet) => packet?.cmd === "publish" && packet.retain);
    assertEquals([heard.length, retained.length], [1_101, 1_000]);
  }));

/** Filters that fit `a/a/…` at each of 32 levels but the last one, as many as fit; others for each group. */
function almost(group: number, count = 15): string[] {
  return Array.from({ length: count }, (_, i) => {
    const number = group * count + i;
    const first = Array.from({ length: 14 }, (_, bit) => (number >> bit) % 2 > 0 ? "+/" : "a/");
    return `${first.join("")}${"+/".repeat(17)}b`;
  });
}

/** What a busy guest hears up to the answer to its ping, which comes after the answer to an honest guest's. */
async function heardAfter(busy: Guest, honest: Guest) {
  const order: string[] = [];
  const heard = busy.hearsUntil("pingresp").then((heard) => {
    order.push("busy");
    return heard;
  });
  await honest.client.write(of({ cmd: "pingreq" }));
  assertEquals((await honest.hears())?.cmd, "pingresp");
  order.push("honest");
  await heard;
  assertEquals(order, ["honest", "busy"]);
  return await heard;
}

Deno.test("examples/mqtt_broker.ts lets nobody wait for who looks for what is not retained", () =>
  withBroker(async (port, guests) => {
    const [searching, honest] = [
      guests.use(await publisher(port)),
      guests.use(await publisher(port)),
    ];
    const [ping, deep] = [of({ cmd: "pingreq" }), "a/".repeat(31)];
    for (let i = 0; i < 1_000; i++) {
      await searching.client.write(message(`${deep}${i}`, "x", 0, true));
    }
    await searching.client.write(ping);
    await searching.hearsUntil("pingresp");
    const wild = almost(0);
    const searches = Array.from({ length: 15 }, () => subscription(wild));
    await searching.client.write(new Uint8Array(Buffer.concat([...searches, ping])));
    await searching.hearsUntil("suback");
    // The search is under way.
    assertEquals(kinds(await heardAfter(searching, honest)), [
      ...Array(14).fill("suback"),
      "pingresp",
    ]);
  }));

Deno.test("examples/mqtt_broker.ts lets nobody wait for a message that many filters almost fit", () =>
  withBroker(async (port, guests) => {
    for (let i = 0; i < 134; i++) guests.use(await subscriber(port, almost(i)));
    const [flooding, honest] = [
      guests.use(await publisher(port)),
      guests.use(await publisher(port)),
    ];
    const [ping, one] = [of({ cmd: "pingreq" }), message(`${"a/".repeat(31)}c`, "x", 1)];
    // The broker acknowledges the first one while the others wait.
    await flooding.client.write(new Uint8Array(Buffer.concat([...Array(30).fill(one), ping])));
    await flooding.hearsUntil("puback");
    assertEquals(kinds(await heardAfter(flooding, honest)), [
      ...Array(29).fill("puback"),
      "pingresp",
    ]);
  }));

Deno.test("examples/mqtt_broker.ts keeps no more levels of a client's filters than it can", () =>
  withBroker(async (port, guests) => {
    const guest = guests.use(await publisher(port));
    const ask = async (packet: Uint8Array, answer: string) => {
      await guest.client.write(packet);
      return (await guest.hearsUntil(answer)).at(-1) as Packet & { granted: number[] };
    };
    const deep = almost(0, 50);
    for (let i = 0; i < 2; i++) { // those that it has are no new ones
      const { granted } = await ask(subscription(deep), "suback");
      assertEquals(granted, [...Array(15).fill(1), ...Array(35).fill(0x80)]);
    }
    const more = [`a${"/".repeat(19)}`, "a"];
    assertEquals((await ask(subscription(more), "suback")).granted, [1, 0x80]);
    await ask(
      of({ cmd: "unsubscribe", messageId: 2, unsubscriptions: [deep[0]!, "a"] }),
      "unsuback",
    );
    assertEquals((await ask(subscription([deep[40]!, "a"]), "suback")).granted, [1, 0x80]);
  }));

/** Lets many clients go at once. Gives how many turns it took until nothing was left of them. */
async function turnsToForget(count: number): Promise<number> {
  const sessions = Array.from(
    { length: count },
    () => ({ filters: new Set(["a/b", "c"]), levels: 3 }) as unknown as Session,
  );
  const forgotten = Promise.all(sessions.map(forget));
  let turns = 0;
  while (sessions.some(({ filters }) => filters.size > 0)) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    turns++;
  }
  await forgotten;
  assertEquals(sessions.filter(({ levels }) => levels !== 0), []);
  return turns;
}

Deno.test("forget() of examples/mqtt_hub.ts lets others go first where many clients go at once", async () => {
  const few = await turnsToForget(20);
  assert(few > 5, `${few}`);
  // The more of them, the more at a time: else they might come faster than they go.
  const many = await turnsToForget(2_000);
  assert(many > 50 && many < 1_000, `${many}`);
});
