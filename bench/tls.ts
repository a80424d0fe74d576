// What a secure connection costs: this library beside Deno's own TLS and node:tls, in one run.
//
//   deno task bench:tls                              servers, then clients, five minutes
//   deno task bench:tls --sides=servers --works=ping-1,wwr --rounds=5
//
// Servers are compared by their CPU under one and the same client (Deno.connect, setNoDelay, Deno.startTls),
// clients by theirs at one and the same server (Deno.listenTls).
import { Authority } from "../tests/support/certificates.ts";
import { makeNode } from "./build.ts";
import type { Contestant } from "./contestants.ts";
import { type Figures, medians } from "./figures.ts";
import type { Generator, LoadPlan } from "./load.ts";
import { lookAtMachine } from "./machine.ts";
import { listOf, readOptions, wholeNumber } from "./options.ts";
import { printRow, short, time } from "./report.ts";
import { inTurn, runOnce } from "./rounds.ts";
import type { Role } from "./servers/role.ts";
import type { Work } from "./works.ts";

const options = readOptions({
  sides: "servers,clients",
  works: "",
  only: "",
  rounds: "3",
  millis: "400",
});
// The optimizing compiler has what is measured by then; cold, the costs are half as much again.
const duration = { warmInMillis: 700, timeInMillis: wholeNumber(options.millis) };

/** A server and a client, one of which is measured. */
interface Pair {
  readonly label: string;
  readonly server: Contestant;
  readonly client: Generator;
}

const authority = await Authority.make("Bench");
const { cert, key } = await authority.sign();
const caFile = await Deno.makeTempFile({ suffix: ".pem" });
await Deno.writeTextFile(caFile, authority.cert);
const inDeno = [Deno.execPath(), "run", "--quiet", "--allow-all", "--no-lock"];
const path = (file: string) => new URL(file, import.meta.url).pathname;

function serverOf(label: string, command: string[], bytes = "owned"): Contestant {
  const env = { BENCH_TLS_CERT: cert, BENCH_TLS_KEY: key, BENCH_BYTES: bytes };
  return { name: label, label, side: "peer", roles: [], command, tellsMemory: false, env };
}

function clientOf(label: string, name: string): Generator {
  // By itself Deno resumes only what the system's authorities have signed; this adds one to them.
  const env = { BENCH_TLS_CA: authority.cert, BENCH_TLS_CLIENT: name, DENO_CERT: caFile };
  return { label, command: [...inDeno, path("load/tls.ts")], env };
}

const deno = serverOf("Deno.listenTls", [...inDeno, path("servers/tls_raw.ts")]);
const servers = [
  serverOf("Listener", [...inDeno, path("servers/tls_service.ts")]),
  serverOf("Listener, lent", [...inDeno, path("servers/tls_service.ts")], "lent"),
  deno,
  serverOf("node:tls", [...inDeno, path("servers/tls_node.mjs")]),
];
const node = await makeNode();
if ("path" in node) servers.push(serverOf("Node's tls", [node.path, path("servers/tls_node.mjs")]));
const startTls = clientOf("Deno.startTls", "startTls");
const clients = [
  clientOf("Client", "ours"),
  clientOf("Client, lent", "lent"),
  clientOf("Client, layered", "layered"),
  clientOf("Client, resumed", "resumed"),
  startTls,
  clientOf("Deno.connectTls", "connectTls"),
  clientOf("node:tls", "node"),
];
/** Clients that are measured only in what they do differently; connected, they are what another one is. */
const SOME_WORKS: Readonly<Record<string, readonly string[]>> = {
  "Deno.connectTls": ["shake", "wwr"],
  "Client, layered": ["shake"],
  "Client, resumed": ["shake"],
};

function workOf(
  name: string,
  title: string,
  role: Role,
  mode: LoadPlan["mode"],
  unit: Work["unit"] = "message",
  { connections = 1, size = 64 } = {},
): Work {
  return { name, title, role, load: { mode, connections, size }, unit };
}

/** The works of bulk, in small and in large writes, each awaited. */
function bulkOf(name: string, title: string, role: Role, mode: LoadPlan["mode"]): Work[] {
  return [16, 64].map((kib) =>
    workOf(`${name}-${kib}`, `${title}, ${kib} KiB a write`, role, mode, "MiB", {
      size: kib * 1024,
    })
  );
}

const SHARED = [
  workOf("ping-1", "64 B there and back, 1 connection", "echo", "streams"),
  workOf("ping-50", "64 B there and back, 50 connections", "echo", "streams", "message", {
    connections: 50,
  }),
  workOf("shake", "connect, echo 64 B, close; 8 at a time", "echo", "churn", "connection", {
    connections: 8,
  }),
];
const SIDES = {
  servers: {
    base: deno.label,
    pairs: servers.map((server): Pair => ({ label: server.label, server, client: startTls })),
    works: [
      ...SHARED,
      ...bulkOf("in", "bulk to the server", "sink", "fill"),
      ...bulkOf("out", "bulk from the server", "source", "drain"),
      workOf("wwr", "the server answers in two writes, each awaited", "halves", "streams"),
    ],
  },
  clients: {
    base: startTls.label,
    pairs: clients.map((client): Pair => ({ label: client.label, server: deno, client })),
    works: [
      ...SHARED,
      ...bulkOf("in", "bulk to the client", "source", "drain"),
      ...bulkOf("out", "bulk from the client", "sink", "fill"),
      workOf("wwr", "the client asks in two writes, each awaited", "whole", "halves"),
    ],
  },
};

type Side = keyof typeof SIDES;

const machine = await lookAtMachine();
console.log(`${machine.description}; Deno ${Deno.version.deno}; ${options.rounds} rounds`);

/** The CPU that the measured side used for one of the unit, in microseconds. */
function costOf(side: Side, { cpuMicros, loadBusy, rate }: Figures): number {
  return side === "servers" ? cpuMicros : loadBusy * 1e6 / rate;
}

async function measure(work: Work, pairs: readonly Pair[]): Promise<Map<Pair, Figures[]>> {
  const runs = new Map(pairs.map((pair) => [pair, [] as Figures[]]));
  await inTurn(wholeNumber(options.rounds), pairs, async (pair) => {
    const setting = { machine, generator: pair.client, rounds: 1, duration };
    runs.get(pair)!.push(await runOnce(setting, work, pair.server));
  });
  return runs;
}

const WIDTHS = [16, 12, 12, 9, 9, 10, 10];

for (const name of listOf(options.sides)) {
  const side = name as Side;
  const { base, pairs, works } = SIDES[side];
  const wanted = listOf(options.works);
  for (const work of works) {
    if (wanted.length > 0 && !wanted.includes(work.name)) continue;
    const only = listOf(options.only);
    const chosen = pairs.filter(({ label }) =>
      only.length === 0 ? SOME_WORKS[label]?.includes(work.name) ?? true : only.includes(label)
    );
    const results = [...await measure(work, chosen)].map(([{ label }, runs]) => {
      const figures = medians(runs);
      return { label, figures, cost: costOf(side, figures) };
    });
    console.log(`\n${side} (${work.name}): ${work.title}`);
    const isTimed = work.unit !== "MiB";
    const times = isTimed ? ["p50", "worst"] : [];
    printRow(WIDTHS, ["", `${work.unit}s/s`, "CPU of one", "/ Deno", "/ node", ...times]);
    const costBy = (label: string) => results.find((it) => it.label === label)?.cost ?? NaN;
    for (const { label, figures, cost } of results) {
      const times = isTimed ? [time(figures.p50Micros), time(figures.worstMicros)] : [];
      printRow(WIDTHS, [
        label,
        short(figures.rate),
        time(cost),
        (cost / costBy(base)).toFixed(2),
        (cost / costBy("node:tls")).toFixed(2),
        ...times,
      ]);
      if (figures.failed > 0) console.log(`  (${figures.failed} of ${label} failed)`);
    }
  }
}
await Deno.remove(caFile);
