// The work that is measured.
import type { LoadPlan } from "./load.ts";
import type { Role } from "./servers/role.ts";

/** One kind of work, and the figures by which it is judged. */
export interface Work {
  /** Its name on the command line and in the results. */
  readonly name: string;
  /** Its name for people. */
  readonly title: string;
  /** What the servers are asked to be. */
  readonly role: Role;
  readonly load: LoadPlan;
  /** What is counted: the unit of the rate and of the CPU time. */
  readonly unit: "message" | "MiB" | "connection" | "delivery" | "datagram" | "idle";
}

function pingPong(size: number, connections: number): Work {
  const text = size < 1024 ? `${size} B` : `${size / 1024} KiB`;
  return {
    name: `ping-${size < 1024 ? size : `${size / 1024}k`}-${connections}`,
    title: `ping-pong ${text}, ${connections} connection${connections === 1 ? "" : "s"}`,
    role: "echo",
    load: { mode: "streams", connections, size },
    unit: "message",
  };
}

function datagrams(size: number, peers: number): Work {
  return {
    name: `udp-${size}-${peers}`,
    title: `UDP echo ${size} B, ${peers === 1 ? "1 peer, 16 in flight" : `${peers} peers`}`,
    role: "datagrams",
    load: { mode: "datagrams", connections: peers, size, flight: peers === 1 ? 16 : 1 },
    unit: "datagram",
  };
}

/** How much of the works that are not measured by time. */
export interface Amounts {
  /** How many connections are held. */
  readonly idle: number;
  /** How many MiB go through the bulk stream. */
  readonly bulk: number;
}

/** All of it, in the order of the report. */
export function allWorks({ idle, bulk }: Amounts): Work[] {
  return [
    ...[64, 1024, 16_384].flatMap((size) => [1, 50, 500].map((count) => pingPong(size, count))),
    pingPong(64, 1000),
    {
      name: "flight-64-50",
      title: "64 B, 50 connections, 16 in flight",
      role: "echo",
      load: { mode: "streams", connections: 50, size: 64, flight: 16 },
      unit: "message",
    },
    {
      name: "lines-64-50",
      title: "64 B lines, one write each, 50 connections, 16 in flight",
      role: "lines",
      load: { mode: "streams", connections: 50, size: 64, flight: 16 },
      unit: "message",
    },
    {
      name: "bulk",
      title: `bulk, ${bulk.toLocaleString("en")} MiB echoed on one connection`,
      role: "echo",
      load: { mode: "streams", connections: 0, streams: 1, total: bulk * 2 ** 20 },
      unit: "MiB",
    },
    {
      name: "mixed",
      title: "ping-pong 64 B on 50 connections beside one bulk stream",
      role: "echo",
      load: { mode: "streams", connections: 50, streams: 1, size: 64 },
      unit: "message",
    },
    {
      name: "churn",
      title: "connect, echo 64 B, close; 16 at a time",
      role: "echo",
      load: { mode: "churn", connections: 16, size: 64 },
      unit: "connection",
    },
    {
      name: "broadcast",
      title: "broadcast of 64 B to 1000 connections",
      role: "broadcast",
      load: { mode: "broadcast", connections: 1000, size: 64 },
      unit: "delivery",
    },
    {
      name: "idle",
      title: `${idle.toLocaleString("en")} idle connections`,
      role: "small",
      load: { mode: "idle", connections: idle, base: Math.min(500, idle >> 1), size: 64 },
      unit: "idle",
    },
    ...[64, 1400].flatMap((size) => [1, 50].map((peers) => datagrams(size, peers))),
    {
      name: "udp-broadcast",
      title: "UDP broadcast of 64 B to 1000 peers",
      role: "tell",
      load: { mode: "tell", connections: 1000, size: 64 },
      unit: "delivery",
    },
  ];
}

/** The one work of that name. */
export function workNamed(name: string, amounts: Amounts): Work {
  const work = allWorks(amounts).find((it) => it.name === name);
  if (work === undefined) throw new RangeError(`There is no such work: ${name}`);
  return work;
}
