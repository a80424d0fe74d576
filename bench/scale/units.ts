// What one connection, one guest of the chat and one line of it cost: in its process, in HAProxy, on the bus.
import { type BusProgram, Cluster, nats, redis } from "../../tests/support/chat_cluster.ts";
import { Authority } from "../../tests/support/certificates.ts";
import { findTool } from "../machine.ts";
import { Program } from "../process.ts";
import { memory, printRow, short } from "../report.ts";
import { cpuMicrosOf, descriptorsOf, memoryOf, sumOf } from "./process_figures.ts";

/** How much memory, and how many descriptors, one takes. */
export interface Held {
  readonly bytes: number;
  readonly descriptors: number;
}

/** Processor time of one line, in microseconds. */
export interface Line {
  /** In the process of the chat, for each guest who gets it. */
  readonly inProcess: number;
  /** In HAProxy, for each guest who gets it. */
  readonly inProxy: number;
  /** On the bus, for each process that gets it. */
  readonly onBus: number;
}

/** All of it. */
export interface Units {
  readonly connection: Held;
  readonly tlsConnection: Held;
  /** A process of the chat without guests, in bytes. */
  readonly process: number;
  readonly guest: Held;
  readonly guestInProxy: Held;
  readonly nats: Line;
  readonly redis: Line;
}

/** So many that most of them are said when the code has become fast. */
const ROOMS = 25, PER_ROOM = 20, LINES = 40;
const NEEDS = ["haproxy", "nats-server", "redis-server"];
const path = (file: string) => new URL(`../${file}`, import.meta.url).pathname;
const inDeno = [Deno.execPath(), "run", "--quiet", "--allow-all", "--no-lock", "--unstable-net"];

/** What one connection takes, of some that are held beyond the first ones. */
async function perConnection(
  pids: readonly number[],
  holder: { hold(): Promise<number>; goOn(): Promise<void> },
): Promise<Held> {
  const look = async () => ({
    count: await holder.hold(),
    bytes: await sumOf(pids, memoryOf),
    descriptors: await sumOf(pids, descriptorsOf),
  });
  const before = await look();
  await holder.goOn();
  const after = await look();
  const count = after.count - before.count;
  return {
    bytes: (after.bytes - before.bytes) / count,
    descriptors: Math.round((after.descriptors - before.descriptors) / count),
  };
}

/** A connection of a listener that echoes, in the clear or secure. */
async function measureConnection(kind: "plain" | "tls", first: number, all: number): Promise<Held> {
  const authority = await Authority.make("Bench");
  const { cert, key } = await authority.sign();
  const env = { BENCH_TLS_CERT: cert, BENCH_TLS_KEY: key, BENCH_TLS_CA: authority.cert };
  const run = { core: undefined, env, deadlineInMillis: 120_000 };
  const file = kind === "tls" ? "tls_service.ts" : "service.ts";
  await using server = new Program({
    ...run,
    command: [...inDeno, "--v8-flags=--expose-gc", path(`servers/${file}`), "echo"],
  });
  const { port } = await server.nextLine() as { port: number };
  const args = ["127.0.0.1", port, kind, first, all].map(String);
  await using load = new Program({ ...run, command: [...inDeno, path("load/held.ts"), ...args] });
  return await perConnection([server.pid], {
    async hold() {
      const { held } = await load.nextLine() as { held: number };
      // It collects its garbage, then answers.
      await server.nudge();
      await server.nextLine();
      return held;
    },
    goOn: () => load.nudge(),
  });
}

/** Idle guests of a chat of four processes: in those, and in HAProxy. */
async function measureGuests(
  cluster: Cluster,
): Promise<Pick<Units, "process" | "guest" | "guestInProxy">> {
  const members = cluster.members.map(({ program }) => program.pid);
  const empty = await sumOf(members, memoryOf) / members.length;
  const { hostname, port } = cluster.door;
  await using load = cluster.runInside("deno", [
    ...inDeno.slice(1),
    path("load/held.ts"),
    ...[hostname, port, "chat", 400, 4_000].map(String),
  ]);
  const held = async () => Number((await load.line(/^\{"held":(\d+)\}$/))[1]);
  const proxy: { before?: Held; after?: Held } = {};
  const lookAtProxy = async (): Promise<Held> => {
    const pids = [cluster.pids.proxy];
    return { bytes: await sumOf(pids, memoryOf), descriptors: await sumOf(pids, descriptorsOf) };
  };
  const counts: number[] = [];
  const guest = await perConnection(members, {
    async hold() {
      const count = await held();
      counts.push(count);
      proxy[counts.length === 1 ? "before" : "after"] = await lookAtProxy();
      return count;
    },
    goOn: () => load.type("\n"),
  });
  const count = counts[1]! - counts[0]!;
  const { before, after } = proxy;
  return {
    process: empty,
    guest,
    guestInProxy: {
      bytes: (after!.bytes - before!.bytes) / count,
      descriptors: Math.round((after!.descriptors - before!.descriptors) / count),
    },
  };
}

/** Guests who talk: 20 in each room, on four processes. */
async function measureLines(cluster: Cluster): Promise<Line> {
  const members = cluster.members.map(({ program }) => program.pid);
  const { bus, proxy } = cluster.pids;
  const look = async () => ({
    members: await sumOf(members, cpuMicrosOf),
    proxy: await cpuMicrosOf(proxy),
    bus: await cpuMicrosOf(bus),
  });
  const before = await look();
  const guests = cluster.guests(ROOMS, PER_ROOM, LINES);
  const { code, stdout, stderr } = await guests.ending();
  if (code !== 0) throw new Error(`The guests failed: ${stderr}`);
  const after = await look();
  const { said, heard } = JSON.parse(stdout.split("\n").at(-2)!) as { said: number; heard: number };
  return {
    inProcess: (after.members - before.members) / heard,
    inProxy: (after.proxy - before.proxy) / heard,
    // With 20 guests, each room is on all processes, or nearly.
    onBus: (after.bus - before.bus) / (said * members.length),
  };
}

async function onCluster<T>(kind: BusProgram, body: (cluster: Cluster) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    await using cluster = await Cluster.start(kind, folder);
    return await body(cluster);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Measures all of it and prints it; `undefined` where a program is missing, which is said. */
export async function measureUnits(): Promise<Units | undefined> {
  console.log("\n## What one costs\n");
  for (const tool of NEEDS) {
    if (await findTool(tool) !== undefined) continue;
    console.log(`Left out: ${tool} is not installed (Debian: ${NEEDS.join(", ")})`);
    return undefined;
  }
  const connection = await measureConnection("plain", 500, 5_000);
  const tlsConnection = await measureConnection("tls", 200, 1_500);
  const idle = await onCluster(nats, measureGuests);
  const units: Units = {
    connection,
    tlsConnection,
    ...idle,
    nats: await onCluster(nats, measureLines),
    redis: await onCluster(redis, measureLines),
  };
  printUnits(units);
  return units;
}

function printUnits(units: Units): void {
  const held = ({ bytes, descriptors }: Held) => `${memory(bytes)}, ${descriptors} descriptors`;
  const line = ({ inProcess, inProxy, onBus }: Line) =>
    [inProcess, inProxy, onBus].map((micros) => `${short(micros)} us`).join(", ");
  const rows = [
    ["idle connection of a listener", held(units.connection)],
    ["the same over TLS", held(units.tlsConnection)],
    ["process of the chat", memory(units.process)],
    ["idle guest in it", held(units.guest)],
    ["idle guest in HAProxy", held(units.guestInProxy)],
    ["line, by NATS: to a guest in process and HAProxy, to a process on the bus", line(units.nats)],
    ["line, by Redis: the same", line(units.redis)],
  ];
  for (const row of rows) printRow([76, 30], row);
}
