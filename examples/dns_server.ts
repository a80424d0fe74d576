// Answers questions for a few names, to dig and every other resolver; ends on Ctrl+C.
// Run: deno run --allow-net=127.0.0.1 examples/dns_server.ts [PORT]

// @ts-types="npm:@types/dns-packet@5.6.5"
import { type Answer, AUTHORITATIVE_ANSWER } from "npm:dns-packet@5.6.1";
import { UdpListener } from "../mod.ts";
import { encodeAnswer, readQuestion } from "./dns_messages.ts";

const [FORMAT_ERROR, NO_SUCH_NAME, NOT_IMPLEMENTED] = [1, 3, 4] as const;
const [REFUSED, BAD_VERSION] = [5, 16] as const;
const [IS_ANSWER, OPERATION, RECURSION_DESIRED] = [0x8000, 0x7800, 0x0100] as const;
const ZONE = ".example";
const records: Answer[] = [
  { type: "A", name: "one.example", ttl: 60, data: "192.0.2.1" },
  { type: "AAAA", name: "one.example", ttl: 60, data: "2001:db8::1" },
  { type: "A", name: "many.example", ttl: 60, data: "192.0.2.2" },
  { type: "A", name: "many.example", ttl: 60, data: "192.0.2.3" },
  { type: "TXT", name: "text.example", ttl: 60, data: ["Hello", "from Deno"] },
];

/** Answers one question. What is not a question gets an error, and an answer or too long a datagram nothing. */
function answerTo(data: Uint8Array): Uint8Array | undefined {
  const head = new DataView(data.buffer, data.byteOffset, data.length);
  const flags = data.length < 12 || data.length > 1232 ? IS_ANSWER : head.getUint16(2);
  if ((flags & IS_ANSWER) !== 0) return undefined; // or two servers would answer each other for ever
  // One question, and behind it at most EDNS and a signature: thousands of records take long to read.
  const isShort = head.getUint32(4) === 0x1_0000 && head.getUint32(8) <= 2;
  const question = isShort ? readQuestion(data) : undefined;
  const reply = (code: number, answers: Answer[] = []) => {
    const authority = code === 0 || code === NO_SUCH_NAME ? AUTHORITATIVE_ANSWER : 0;
    const copied = flags & (OPERATION | RECURSION_DESIRED);
    const id = head.getUint16(0);
    return encodeAnswer({ id, flags: copied | authority, code, question, answers });
  };
  if ((flags & OPERATION) !== 0) return reply(NOT_IMPLEMENTED);
  if (question === undefined || question.options.length > 1) return reply(FORMAT_ERROR);
  const { type, name, network, options: [options] } = question;
  if (options !== undefined && options.ednsVersion !== 0) return reply(BAD_VERSION);
  if (network !== "IN" || !`.${name}`.endsWith(ZONE)) return reply(REFUSED);
  const named = records.filter((record) => record.name === name);
  // A question for any type gets one of them (RFC 8482), lest a small question have a large answer.
  const wanted = type === "ANY" ? named[0]?.type : type;
  const answers = named.filter((record) => record.type === wanted);
  // A name exists, too, where only names below it have records (RFC 8020).
  const exists = records.some((record) => `.${record.name}`.endsWith(`.${name}`));
  // Of what a stranger has written, only plain letters go to the terminal.
  console.log(
    `${type} ${name.replaceAll(/[^\w.-]/g, "?")}: ${exists ? answers.length : "not known"}`,
  );
  return reply(exists ? 0 : NO_SUCH_NAME, answers);
}

const port = Number(Deno.args[0] ?? 48853);
const listener = new UdpListener(port, { interface: "127.0.0.1" });
listener.attach({ onDatagram: (_, { data }) => answerTo(data) });
await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
