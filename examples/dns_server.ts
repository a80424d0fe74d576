// Answers questions for a few names, to dig and every other resolver; ends on Ctrl+C.
// Run: deno run --allow-net=127.0.0.1 examples/dns_server.ts [PORT]

import { Buffer } from "node:buffer";
// @ts-types="npm:@types/dns-packet@5.6.5"
import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type OptAnswer,
} from "npm:dns-packet@5.6.1";
import { UdpListener } from "../mod.ts";

const [FORMAT_ERROR, NO_SUCH_NAME, NOT_IMPLEMENTED, REFUSED] = [1, 3, 4, 5] as const;
const [IS_ANSWER, OPERATION, RECURSION_DESIRED] = [0x8000, 0x7800, 0x0100] as const;
const records: Answer[] = [
  { type: "A", name: "one.example", ttl: 60, data: "192.0.2.1" },
  { type: "AAAA", name: "one.example", ttl: 60, data: "2001:db8::1" },
  { type: "A", name: "many.example", ttl: 60, data: "192.0.2.2" },
  { type: "A", name: "many.example", ttl: 60, data: "192.0.2.3" },
  { type: "TXT", name: "text.example", ttl: 60, data: ["Hello", "from Deno"] },
];
const OPTIONS: OptAnswer = {
  ...{ type: "OPT", name: ".", udpPayloadSize: 1232, extendedRcode: 0, ednsVersion: 0 },
  ...{ flags: 0, flag_do: false, options: [] },
};

/** Answers one question. What is not a question gets an error, and an answer or too long a datagram nothing. */
function answerTo(data: Uint8Array): Uint8Array | undefined {
  const head = new DataView(data.buffer, data.byteOffset, data.length);
  const flags = data.length < 12 || data.length > 1232 ? IS_ANSWER : head.getUint16(2);
  if ((flags & IS_ANSWER) !== 0) return undefined; // or two servers would answer each other for ever
  const id = head.getUint16(0);
  const refuse = (code: number) =>
    encode({ type: "response", id, flags: flags & (OPERATION | RECURSION_DESIRED) | code });
  if ((flags & OPERATION) !== 0) return refuse(NOT_IMPLEMENTED);
  // One question, and behind it at most EDNS and a signature: thousands of records take long to read.
  if (head.getUint32(4) !== 0x1_0000 || head.getUint32(8) > 2) return refuse(FORMAT_ERROR);
  try {
    const { questions = [], additionals = [] } = decode(Buffer.from(data));
    const { type, name, class: network } = questions[0]!;
    if (network !== "IN") return refuse(REFUSED);
    const named = records.filter((record) => record.name === name.toLowerCase());
    // A question for any type gets one of them (RFC 8482), lest a small question have a large answer.
    const wanted = (type as string) === "ANY" ? named[0]?.type : type;
    const answers = named.filter((record) => record.type === wanted);
    // Of what a stranger has written, only plain letters go to the terminal.
    const shown = name.replaceAll(/[^\w.-]/g, "?");
    console.log(`${type} ${shown}: ${named.length === 0 ? "not known" : answers.length}`);
    return encode({
      type: "response",
      id,
      flags: AUTHORITATIVE_ANSWER | flags & RECURSION_DESIRED |
        (named.length === 0 ? NO_SUCH_NAME : 0),
      questions,
      answers,
      // A client that speaks EDNS is told that it is understood (RFC 6891).
      additionals: additionals.filter(({ type }) => type === "OPT").slice(0, 1).map(() => OPTIONS),
    });
  } catch {
    return refuse(FORMAT_ERROR);
  }
}

const port = Number(Deno.args[0] ?? 48853);
const listener = new UdpListener(port, { interface: "127.0.0.1" });
listener.attach({ onDatagram: (_, { data }) => answerTo(data) });
await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
