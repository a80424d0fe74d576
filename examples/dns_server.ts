// Answers questions for a few names, to dig and every other resolver; ends on Ctrl+C.
// Run: deno run --allow-net=127.0.0.1 examples/dns_server.ts [PORT]

import { Buffer } from "node:buffer";
// @ts-types="npm:@types/dns-packet@5.6.5"
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode } from "npm:dns-packet@5.6.1";
import { UdpListener } from "https://deno.land/x/socket@v0.1.0/mod.ts";

const NO_SUCH_NAME = 3;
const records: Answer[] = [
  { type: "A", name: "one.example", ttl: 60, data: "192.0.2.1" },
  { type: "AAAA", name: "one.example", ttl: 60, data: "2001:db8::1" },
  { type: "A", name: "many.example", ttl: 60, data: "192.0.2.2" },
  { type: "A", name: "many.example", ttl: 60, data: "192.0.2.3" },
  { type: "TXT", name: "text.example", ttl: 60, data: ["Hello", "from Deno"] },
];

const port = Number(Deno.args[0] ?? 48853);
const listener = new UdpListener(port, { interface: "127.0.0.1" });
listener.attach({
  onDatagram({ data }) {
    const query = decode(Buffer.from(data));
    if (query.type !== "query") return undefined;
    const questions = query.questions ?? [];
    const named = (name: string) => records.filter((record) => record.name === name.toLowerCase());
    const answers = questions.flatMap(({ name, type }) =>
      named(name).filter((record) => record.type === type)
    );
    for (const { name, type } of questions) {
      console.log(`${type} ${name}: ${named(name).length === 0 ? "not known" : answers.length}`);
    }
    const isKnown = questions.every(({ name }) => named(name).length > 0);
    const flags = AUTHORITATIVE_ANSWER | (isKnown ? 0 : NO_SUCH_NAME);
    return encode({ type: "response", id: query.id ?? 0, flags, questions, answers });
  },
  onError(caller, error) {
    console.error(`${caller.remoteAddress} sent no question: ${error.message}`);
  },
});
await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
