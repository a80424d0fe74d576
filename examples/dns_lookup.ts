// Asks a name server on this machine for the addresses of a name, three times at most.
// Run: deno run --allow-net=127.0.0.1 examples/dns_lookup.ts NAME [PORT]

import { Buffer } from "node:buffer";
import { isIP } from "node:net";
// @ts-types="npm:@types/dns-packet@5.6.5"
import { decode, type DecodedPacket, encode, RECURSION_DESIRED } from "npm:dns-packet@5.6.1";
import { ReadTimedOutError, UdpClient } from "../mod.ts";

const name = (Deno.args[0] ?? "localhost").replace(/(?<=.)\.$/, ""); // answers have no final dot
const server = { remoteHost: "127.0.0.1", remotePort: Number(Deno.args[1] ?? 53) };
await using client = new UdpClient({ host: "127.0.0.1", port: 0 }, server);

async function ask(type: "A" | "AAAA"): Promise<DecodedPacket | undefined> {
  const id = crypto.getRandomValues(new Uint16Array(1))[0]!;
  const questions = [{ type, name }];
  for (let tries = 0; tries < 3; tries++) {
    await client.write(encode({ type: "query", id, flags: RECURSION_DESIRED, questions }));
    const end = performance.now() + 1_000;
    try {
      for (let left; (left = Math.ceil(end - performance.now())) > 0;) {
        // This may be the answer to an earlier question, or come from somebody who forges addresses.
        const [bytes] = await client.read(undefined, { timeoutInMillis: left });
        const answer = packetIn(bytes);
        const about = answer?.questions?.[0];
        const isOurs = answer?.type === "response" && answer.id === id && about?.type === type &&
          about.name.toLowerCase() === name.toLowerCase();
        if (isOurs) return answer;
      }
    } catch (error) {
      if (!(error instanceof ReadTimedOutError)) throw error;
    }
  }
  return undefined;
}

/** The packet in a datagram, if there is one. */
function packetIn(bytes: Uint8Array): DecodedPacket | undefined {
  try {
    return decode(Buffer.from(bytes));
  } catch {
    return undefined;
  }
}

/** Why it is not known whether there is an address; `undefined` where the answer says it. */
function problemOf(answer: DecodedPacket | undefined): string | undefined {
  if (answer === undefined) return `No answer from ${server.remoteHost}`;
  if (answer.flag_tc) return "The answer was cut, it would have to be asked for by TCP";
  const { rcode } = answer as { rcode?: string }; // its types leave it out
  return rcode === "NOERROR" || rcode === "NXDOMAIN" ? undefined : `The server answers ${rcode}`;
}

let [found, problems] = [0, 0];
for (const type of ["A", "AAAA"] as const) {
  const answer = await ask(type);
  const problem = problemOf(answer);
  if (problem !== undefined) {
    console.error(problem);
    problems++;
  }
  for (const record of answer?.answers ?? []) {
    if (record.type !== "A" && record.type !== "AAAA" || isIP(record.data) === 0) continue;
    console.log(
      `${record.name.replaceAll(/[^\w.-]/g, "?")} has address ${record.data} for ${record.ttl} s`,
    );
    found++;
  }
}
if (found === 0 && problems === 0) console.log(`${name} has no address`);
if (found === 0) Deno.exitCode = 1;
