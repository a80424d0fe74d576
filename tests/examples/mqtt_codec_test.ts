// The codec of the MQTT broker, beside mqtt-packet of npm.

import { assert, assertEquals } from "@std/assert";
import { generate, type Packet, parser } from "npm:mqtt-packet@9.0.2";
import { Buffer } from "node:buffer";
import { mqttCodec, type Reply, type Request } from "../../examples/mqtt_packets.ts";
import { checkCodec } from "../../testing/mod.ts";
import { decodeAll, encodeAll } from "../support/framing.ts";
import { joined } from "../support/joined.ts";
import { bytesOf } from "../support/text.ts";

const of = (packet: Packet) => new Uint8Array(generate(packet));
const long = "x".repeat(300);

/** What comes of some bytes: the first request, or why there is none. */
function decoded(bytes: Uint8Array<ArrayBuffer>): Request | string | undefined {
  const [outcome] = decodeAll(mqttCodec, [bytes]);
  return outcome && ("message" in outcome ? outcome.message : outcome.error);
}

/** What mqtt-packet makes of a reply. */
function readBack(reply: Reply): Packet {
  const packets: Packet[] = [];
  const reader = parser();
  reader.on("packet", (packet) => packets.push(packet));
  const left = reader.parse(Buffer.from(encodeAll(mqttCodec, [reply])));
  assertEquals([left, packets.length], [0, 1]);
  return packets[0]!;
}

/** A published message, as mqtt-packet says it and as we do. */
function published(topic: string, text: string, qos: 0 | 1, retain: boolean, id: number) {
  const message = { topic, payload: bytesOf(text), qos, retain };
  return {
    packet: { cmd: "publish", dup: false, messageId: id, topic, payload: text, qos, retain },
    request: { type: "publish", id, message },
    reply: { type: "publish", id, ...message },
  } as const;
}

const messages = [
  published("a/b", "one", 0, false, 0),
  published("a", "", 0, true, 0),
  published("\ufefft\u00f6pic/\u{1f680}", "two", 1, false, 65_535),
  published("$x//", long, 1, true, 1),
];

checkCodec<Request, Reply>(mqttCodec, {
  name: "mqttCodec: ",
  stream: joined([
    ...messages.map(({ packet }) => of(packet)),
    of({ cmd: "puback", messageId: 7 }),
  ]),
  messages: [...messages.map(({ request }) => request), { type: "puback", id: 7 }],
  sent: [...messages.map(({ reply }) => reply), { type: "puback", id: 7 }],
});

Deno.test("mqttCodec understands what clients say", () => {
  const greeting = { type: "connect", code: 0, name: "n", keepAlive: 60, will: undefined } as const;
  const connect = {
    ...{ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true } as const,
    ...{ clientId: "n", keepalive: 60 },
  };
  const will = { topic: "w", payload: Buffer.from("gone"), qos: 1, retain: true } as const;
  const secrets = { username: "u", password: Buffer.from("p") };
  assertEquals(decoded(of(connect)), greeting);
  assertEquals(decoded(of({ ...connect, will, ...secrets })), {
    ...greeting,
    will: { topic: "w", payload: bytesOf("gone"), qos: 1, retain: true },
  });
  assertEquals(decoded(of({ ...connect, ...secrets, clientId: "" })), { ...greeting, name: "" });
  assertEquals(decoded(of({ ...connect, clean: false })), greeting);
  const nothing = { ...greeting, name: "", keepAlive: 0 };
  assertEquals(decoded(of({ ...connect, protocolVersion: 5 })), { ...nothing, code: 1 });
  const old = { ...connect, protocolId: "MQIsdp", protocolVersion: 3 } as const;
  assertEquals(decoded(of(old)), { ...nothing, code: 1 });
  // Nameless, and to be remembered: mqtt-packet does not say that.
  const nameless = Uint8Array.of(0x10, 12, 0, 4, ...bytesOf("MQTT"), 4, 0, 0, 60, 0, 0);
  assertEquals(decoded(nameless), { ...greeting, code: 2, name: "" });

  const wishes = [{ topic: "a/+", qos: 0 }, { topic: "#", qos: 1 }, {
    topic: "x",
    qos: 2,
  }] as const;
  assertEquals(decoded(of({ cmd: "subscribe", messageId: 9, subscriptions: [...wishes] })), {
    ...{ type: "subscribe", id: 9, filters: [["a/+", 0], ["#", 1], ["x", 2]] },
  });
  assertEquals(decoded(of({ cmd: "unsubscribe", messageId: 9, unsubscriptions: ["a", "b"] })), {
    ...{ type: "unsubscribe", id: 9, filters: [["a", 0], ["b", 0]] },
  });
  assertEquals(decoded(of({ cmd: "pingreq" })), { type: "pingreq" });
  assertEquals(decoded(of({ cmd: "disconnect" })), { type: "disconnect" });
});

Deno.test("mqttCodec says what clients understand", () => {
  const partOf = (reply: Reply, ...names: string[]) => {
    const packet = readBack(reply) as unknown as Record<string, unknown>;
    return names.map((name) => packet[name]);
  };
  const codes = (...list: number[]) => Uint8Array.from(list);
  assertEquals(
    partOf({ type: "connack", payload: codes(0, 2) }, "cmd", "returnCode", "sessionPresent"),
    ["connack", 2, false],
  );
  assertEquals(
    partOf({ type: "suback", id: 3, payload: codes(0, 1, 0x80) }, "cmd", "messageId", "granted"),
    ["suback", 3, [0, 1, 0x80]],
  );
  for (const type of ["puback", "unsuback"] as const) {
    assertEquals(partOf({ type, id: 65_535 }, "cmd", "messageId"), [type, 65_535]);
  }
  assertEquals(partOf({ type: "pingresp" }, "cmd", "length"), ["pingresp", 0]);
  for (const { reply } of messages) {
    assertEquals(partOf(reply, "topic", "payload", "qos", "retain", "dup", "messageId"), [
      ...[reply.topic, Buffer.from(reply.payload), reply.qos, reply.retain, false],
      reply.qos > 0 ? reply.id : undefined,
    ]);
  }
});

const text = (content: string) => [content.length >> 8, content.length & 255, ...bytesOf(content)];
const packet = (head: number, ...body: number[]) => Uint8Array.of(head, body.length, ...body);

for (
  const [what, bytes] of Object.entries({
    "no type that clients send": packet(0x20, 0, 0),
    "no type at all": packet(0x00),
    "flags where there are none": packet(0xc1),
    "a subscription without its flag": packet(0x80, 0, 1, ...text("a"), 0),
    "a subscription to nothing": packet(0x82, 0, 1),
    "a subscription without its quality": packet(0x82, 0, 1, ...text("a")),
    "a quality that there is not": packet(0x82, 0, 1, ...text("a"), 3),
    "the number 0": packet(0x82, 0, 0, ...text("a"), 0),
    "a text that is longer than its packet": packet(0x30, 0, 9, 0x61),
    "a text that is not UTF-8": packet(0x30, 0, 1, 0xff),
    "NUL in a topic": packet(0x30, ...text("a\0b")),
    "a wildcard to publish to": packet(0x30, ...text("a/+")),
    "the other wildcard to publish to": packet(0x30, ...text("a/#")),
    "an empty topic": packet(0x30, 0, 0),
    "a message of quality 2": packet(0x34, ...text("a"), 0, 1),
    "a message of quality 3": packet(0x36, ...text("a"), 0, 1),
    "a message without its number": packet(0x32, ...text("a"), 0),
    "a ping with something behind it": packet(0xc0, 0),
    "another protocol": packet(0x10, ...text("HTTP"), 4, 2, 0, 60, 0, 0),
    "a reserved flag": packet(0x10, ...text("MQTT"), 4, 3, 0, 60, 0, 0),
    "a will to be retained where there is none": packet(
      0x10,
      ...text("MQTT"),
      4,
      0x22,
      0,
      60,
      0,
      0,
    ),
    "the quality of a will where there is none": packet(
      0x10,
      ...text("MQTT"),
      4,
      0x0a,
      0,
      60,
      0,
      0,
    ),
    "a password without a user": packet(0x10, ...text("MQTT"), 4, 0x42, 0, 60, 0, 0, ...text("p")),
    "a repeated message of quality 0": packet(0x38, ...text("a")),
    "a greeting that is cut": packet(0x10, ...text("MQTT"), 4, 2, 0),
    "a last will of quality 2": packet(
      0x10,
      ...text("MQTT"),
      4,
      0x16,
      0,
      60,
      0,
      0,
      ...text("w"),
      0,
      0,
    ),
    "a name of a user that does not come": packet(0x10, ...text("MQTT"), 4, 0x82, 0, 60, 0, 0),
    "a length of five bytes": Uint8Array.of(0x30, 255, 255, 255, 255, 1),
    "a length that nobody takes": Uint8Array.of(0x30, 255, 255, 255, 127),
  })
) {
  Deno.test(`mqttCodec refuses ${what}`, () => {
    assert(typeof decoded(bytes) === "string", JSON.stringify(decoded(bytes)));
  });
}

Deno.test("mqttCodec takes a hundred filters at once, and no more", () => {
  const subscribe = (count: number) => {
    const subscriptions = Array.from(
      { length: count },
      (_, i) => ({ topic: `t${i}`, qos: 0 as const }),
    );
    return decoded(of({ cmd: "subscribe", messageId: 1, subscriptions }));
  };
  assertEquals((subscribe(100) as { filters: unknown[] }).filters.length, 100);
  assert(typeof subscribe(101) === "string");
});

Deno.test("mqttCodec makes no bytes of a step", () => {
  assertEquals(encodeAll(mqttCodec, [{ type: "nothing" }]), new Uint8Array());
});
