// How fast this library echoes beside Deno's raw sockets, with server and load in separate processes.
//
//   deno task bench:echo              1 and 50 connections, 64 B and 16 KiB
//   deno task bench:echo --bulk       1 GiB echoed on one connection, with the growth of the heap
//   deno task bench:echo --idle       10,000 connections held, with the memory of each
//
// What counts is the server's CPU per message and its ratio to raw: it stays true where the load generator is
// the slower side or the machine is not quiet.
import { compare, prepare } from "./compare.ts";
import { readOptions, wholeNumber } from "./options.ts";
import { workNamed } from "./works.ts";

const options = readOptions({ bulk: "", idle: "", rounds: "3", seconds: "1" });
const { setting, contestants } = await prepare(wholeNumber(options.rounds), {
  warmInMillis: 500,
  timeInMillis: wholeNumber(options.seconds) * 1000,
});
const amounts = { idle: Math.min(10_000, setting.machine.openFiles - 200), bulk: 1024 };
const names = options.bulk !== "" || options.idle !== ""
  ? [...(options.bulk === "" ? [] : ["bulk"]), ...(options.idle === "" ? [] : ["idle"])]
  : ["ping-64-1", "ping-64-50", "ping-16k-1", "ping-16k-50"];
let failed = false;
for (const name of names) {
  const outcomes = await compare(setting, contestants, workNamed(name, amounts));
  failed ||= outcomes.some(({ problems }) => problems.length > 0);
}
Deno.exit(failed ? 1 : 0);
