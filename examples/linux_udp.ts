// Tells everybody who sends where they are where all others are, many times a second; ends on Ctrl+C.
// Run: deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6 --allow-net=127.0.0.1 examples/linux_udp.ts [PORT]
//
// Whoever sends "join WORD PLACE" with a wrong word hears the right one and "where?", and with the right word gets the
// rounds: whoever forges the address of another does not hear it. An answer does not begin with "join" and is not
// longer than its question, so neither an echo nor another such server goes on with it.
//
// On Linux, on the engine that takes many datagrams with each call of the system; elsewhere, or without the permission
// for the C library, on Deno's own sockets. Another processor or system has its C library elsewhere: see
// docs/linux_engine.md.

import { linuxNetwork, linuxNetworkProblem } from "../linux/mod.ts";
import { denoNetwork, UdpListener } from "../mod.ts";

const port = Number(Deno.args[0] ?? 48850);
const ROUND_IN_MILLIS = 50;
const LONGEST_PLACE = 32;
/** How many bytes fit into one datagram that no network takes apart. */
const LONGEST_ROUND = 1_200;

const problem = linuxNetworkProblem();
if (problem !== undefined) console.log(`On Deno's own sockets: ${problem}`);

const listener = new UdpListener(port, {
  interface: "127.0.0.1",
  network: problem === undefined ? linuxNetwork : denoNetwork,
  maxSessions: 1_000,
  sessionIdleTimeoutInMillis: 5_000,
});
const places = new Map<number, string>();
const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];

listener.attach({
  async onSession(player) {
    const word = crypto.randomUUID().slice(0, 8);
    const join = `join ${word} `;
    const answer = `${word} where?\n`;
    try {
      for await (const { data } of player) {
        const said = decoder.decode(data.subarray(0, join.length + LONGEST_PLACE));
        if (said.startsWith(join)) {
          places.set(player.id, said.slice(join.length).replaceAll("\n", " "));
        } else if (said.startsWith("join ") && data.length >= answer.length) {
          player.tryWrite(answer);
        }
      }
    } finally {
      places.delete(player.id);
    }
  },
});

function tellAll(): void {
  let round = "";
  let length = 0;
  for (const [id, place] of places) {
    const line = `${id} ${place}\n`;
    length += encoder.encode(line).length;
    if (length > LONGEST_ROUND) break;
    round += line;
  }
  // All of them leave with a few calls of the system.
  for (const player of listener.sessions) if (places.has(player.id)) player.tryWrite(round);
}

await listener.start();
const timer = setInterval(tellAll, ROUND_IN_MILLIS);
Deno.addSignalListener("SIGINT", () => listener.gracefulStop({ deadlineInMillis: 100 }));
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
clearInterval(timer);
