// What stands in the packets of MQTT clients, and what must not: a part of mqtt_packets.ts.

import type { ByteQueue } from "../codec.ts";
import type { Message, Request } from "./mqtt_packets.ts";

const MOST_FILTERS = 100; // in one packet
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function odd(why: string): never {
  throw new Error(why);
}

function numberIn(body: ByteQueue, byteLength: number): number {
  const number = body.getUint(0, byteLength);
  body.skip(byteLength);
  return number;
}

const idIn = (body: ByteQueue) => numberIn(body, 2) || odd("a packet has the number 0");
const bytesIn = (body: ByteQueue) => body.take(numberIn(body, 2));
const textIn = (body: ByteQueue) => utf8.decode(bytesIn(body));

function messageOf(topic: string, payload: Uint8Array, qos: number, retain: boolean): Message {
  if (qos > 1) odd("QoS 2 is not served");
  return /^[^+#\0]+$/.test(topic)
    ? { topic, payload, qos, retain }
    : odd("nobody publishes to that");
}

function connectIn(body: ByteQueue): Request {
  if (!/^MQ(TT|Isdp)$/.test(textIn(body))) odd("another protocol");
  const refused = { type: "connect", code: 1, name: "", keepAlive: 0, will: undefined } as const;
  if (numberIn(body, 1) !== 4) return body.clear(), refused; // other versions go on in other ways
  const flags = numberIn(body, 1);
  if (flags % 2 > 0 || (flags & 4) === 0 && (flags & 56) > 0) odd("a flag that must not be set");
  if ((flags & 192) === 64) odd("a password without a user");
  const [keepAlive, name] = [numberIn(body, 2), textIn(body)];
  const will = (flags & 4) > 0 // a copy: it is kept for long
    ? messageOf(textIn(body), bytesIn(body).slice(), flags >> 3 & 3, (flags & 32) > 0)
    : undefined;
  for (const flag of [128, 64]) if (flags & flag) bytesIn(body); // whatever user and password
  const code = name === "" && (flags & 2) === 0 ? 2 : 0; // to be remembered, one needs a name
  return { type: "connect", code, name, keepAlive, will };
}

function filtersIn(body: ByteQueue, hasQos: boolean): [filter: string, qos: number][] {
  const filters: [string, number][] = [];
  while (body.length > 0 && filters.length < MOST_FILTERS) {
    filters.push([textIn(body), hasQos ? numberIn(body, 1) : 0]);
  }
  return filters.length > 0 && filters.every(([, qos]) => qos < 3) ? filters : odd("no filters");
}

/** Makes a request of a packet's first byte and what follows its length. */
export function requestIn(head: number, body: ByteQueue): Request {
  if (head >> 4 === 3) {
    if ((head & 14) === 8) odd("QoS 0 repeats nothing");
    const [topic, qos] = [textIn(body), head >> 1 & 3];
    const id = qos > 0 ? idIn(body) : 0;
    return { type: "publish", id, message: messageOf(topic, body.takeAll(), qos, head % 2 > 0) };
  }
  if (head === 0x10) return connectIn(body);
  if (head === 0x40) return { type: "puback", id: idIn(body) };
  if (head === 0x82) return { type: "subscribe", id: idIn(body), filters: filtersIn(body, true) };
  if (head === 0xa2) {
    return { type: "unsubscribe", id: idIn(body), filters: filtersIn(body, false) };
  }
  if (head === 0xc0) return { type: "pingreq" };
  return head === 0xe0 ? { type: "disconnect" } : odd("nothing that clients say");
}
