// Counts what programs report ("hits:1|c", "load:0.5|g", "answer:12|ms"); prints a table for "show" and on Ctrl+C.
// Run: deno run --allow-net=127.0.0.1 examples/statsd.ts [PORT]

import { UdpListener } from "../mod.ts";

interface Row {
  kind: string;
  count: number;
  sum: number;
  last: number;
}

const MOST_ROWS = 1_000; // a sender may make up names
const MOST = 1e15;
const NUMBER = String.raw`\d{1,15}(?:\.\d{0,15})?|\.\d{1,15}`;
const LINE = new RegExp(
  `^([\\w.-]{1,100}):([+-]?(?:${NUMBER})(?:[eE][+-]?\\d{1,2})?)\\|(c|g|ms)(?:\\|@(${NUMBER}))?$`,
);

const kinds: Record<string, string> = { c: "counter", g: "gauge", ms: "timer" };
const rows = new Map<string, Row>();
let garbage = 0;
let shownAt = -Infinity;

function note(line: string): void {
  const [, name = "", text = "", kind = "", rate = "1"] = LINE.exec(line) ?? [];
  const row = rows.get(name) ?? { kind: kinds[kind]!, count: 0, sum: 0, last: 0 };
  const value = Number(text);
  const worth = value / Number(rate); // one in ten was sent: it stands for ten
  const isSensible = name !== "" && Number(rate) <= 1 && Math.abs(worth) <= MOST &&
    row.kind === kinds[kind] && (rows.has(name) || rows.size < MOST_ROWS);
  if (!isSensible) return void garbage++;
  rows.set(name, row);
  row.count++;
  row.sum += worth;
  row.last = kind === "g" && /^[+-]/.test(text) ? row.last + value : value; // a gauge with a sign is a change
}

function show(): void {
  shownAt = performance.now();
  console.table(Object.fromEntries(
    [...rows].sort(([a], [b]) => a < b ? -1 : 1).map(([name, { kind, count, sum, last }]) => [
      name,
      { kind, count, total: sum, mean: sum / count, last },
    ]),
  ));
  const { "queue-limit": dropped } = listener.stats().dropped;
  console.log(`${garbage} lines not understood, ${dropped} datagrams dropped`);
}

const port = Number(Deno.args[0] ?? 48125);
const listener = new UdpListener(port, { interface: "127.0.0.1" });
listener.attach({
  onBytes(_, bytes) {
    for (const line of new TextDecoder().decode(bytes).split("\n")) {
      if (line === "show" && performance.now() - shownAt < 1_000) continue; // a table costs time
      if (line === "show") show();
      else if (line !== "") note(line);
    }
  },
});
await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
show();
