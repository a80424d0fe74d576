// Counts what programs report ("hits:1|c", "load:0.5|g", "answer:12|ms"); a table for "show" and on Ctrl+C.
// Run: deno run --allow-net=127.0.0.1 examples/statsd.ts [PORT]

import { UdpListener } from "https://deno.land/x/socket@v0.1.0/mod.ts";

interface Row {
  kind: string;
  count: number;
  sum: number;
  last: number;
}

const kinds: Record<string, string> = { c: "counter", g: "gauge", ms: "timer" };
const rows = new Map<string, Row>();
let garbage = 0;

function note(line: string): void {
  const [, name = "", value = "", kind = "", rate = "1"] =
    /^([^:|]+):(-?[\d.]+)\|(c|g|ms)(?:\|@(0?\.\d+))?$/.exec(line) ?? [];
  if (name === "" || !Number.isFinite(Number(value))) return void garbage++;
  const row = rows.get(name) ?? { kind: kinds[kind]!, count: 0, sum: 0, last: 0 };
  rows.set(name, row);
  row.count++;
  row.sum += Number(value) / Number(rate); // one in ten was sent: it stands for ten
  row.last = Number(value);
}

function show(): void {
  console.table(Object.fromEntries(
    [...rows].sort(([a], [b]) => a < b ? -1 : 1).map(([name, { kind, count, sum, last }]) => [
      name,
      { kind, count, total: sum, mean: sum / count, last },
    ]),
  ));
  console.log(`${garbage} lines not understood, ${listener.droppedDatagrams} datagrams dropped`);
}

const port = Number(Deno.args[0] ?? 48125);
const listener = new UdpListener(port, { interface: "127.0.0.1" });
listener.attach({
  onDatagram({ data }) {
    for (const line of new TextDecoder().decode(data).split("\n")) {
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
