// The packets of MQTT 3.1.1 as a broker gets and sends them: a part of mqtt_broker.ts.

import { ByteQueue, type Codec, stepDecoder } from "../codec.ts";
import { requestIn } from "./mqtt_requests.ts";

/** What is published. */
export type Message = { topic: string; payload: Uint8Array; qos: number; retain: boolean };

/** What a client wants to get, or does not want any more. */
export type Wish = { type: "subscribe" | "unsubscribe"; id: number; filters: [string, number][] };

/** What clients send; the `code` of a greeting is 0, or says what is wrong with it. */
export type Request =
  | { type: "connect"; code: number; name: string; keepAlive: number; will: Message | undefined }
  | { type: "publish"; id: number; message: Message }
  | { type: "pingreq" | "disconnect" }
  | { type: "puback"; id: number }
  | Wish;

const TYPES = { connack: 2, publish: 3, puback: 4, suback: 9, unsuback: 11, pingresp: 13 };

/** What they get; the payload of an answer is its codes. "nothing" has no bytes: it is a step of long work. */
export type Reply = { type: keyof typeof TYPES | "nothing"; id?: number } & Partial<Message>;

const encoder = new TextEncoder();

/** Makes requests of bytes, and bytes of replies. */
export const mqttCodec: Codec<Request, Reply> = {
  decoder: () =>
    stepDecoder(function* (read) {
      const head = yield* read.byte();
      const body = new ByteQueue();
      body.push(yield* read.bytes(yield* read.varint(4)));
      const request = requestIn(head, body);
      if (body.length > 0) throw new Error("something stands behind its fields");
      return request;
    }, { maxFrameLength: 256 * 1024 }),

  encode({ type, id = 0, topic, qos = 0, retain = false, payload = new Uint8Array() }, frames) {
    if (type === "nothing") return;
    const name = topic === undefined ? undefined : encoder.encode(topic);
    frames.writeByte(TYPES[type] << 4 | qos << 1 | Number(retain));
    frames.writeVarint((name ? 2 + name.length : 0) + (id > 0 ? 2 : 0) + payload.length);
    if (name) frames.writeUint16(name.length);
    if (name) frames.write(name);
    if (id > 0) frames.writeUint16(id);
    frames.write(payload);
  },
};
