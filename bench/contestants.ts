// Who takes part: this library, Deno's own ways, and the peers.
import { type Made, makeBun, makeEpoll, makeGo, makeNode } from "./build.ts";
import { outputOf } from "./machine.ts";
import type { Role } from "./servers/role.ts";

/** A server program that takes part. */
export interface Contestant {
  /** Its name on the command line and in the results. */
  readonly name: string;
  /** Its name for people. */
  readonly label: string;
  /** Its side: ratios are to `"base"`, the best peer is one of `"peer"` and `"base"`. */
  readonly side: "ours" | "base" | "peer" | "limit";
  /** What it can be. */
  readonly roles: readonly Role[];
  /** The command that runs it; the role is put behind it. */
  readonly command: readonly string[];
  /** Whether it answers each line with its memory, after a collection. */
  readonly tellsMemory: boolean;
  /** What is put into its environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Those that are here, and why others are not. */
export interface Field {
  /** In the order of a report. */
  readonly contestants: readonly Contestant[];
  /** One sentence for each that is left out. */
  readonly missing: readonly string[];
}

const TCP = ["echo", "small", "lines", "broadcast"] as const;
const ALL = [...TCP, "datagrams"] as const;
const TELLS = [...ALL, "tell"] as const;

function path(file: string): string {
  return new URL(`servers/${file}`, import.meta.url).pathname;
}

function inDeno(file: string): string[] {
  const flags = ["--quiet", "--allow-all", "--no-lock", "--unstable-net", "--v8-flags=--expose-gc"];
  return [Deno.execPath(), "run", ...flags, path(file)];
}

function denoContestants(): Contestant[] {
  const one = (
    name: string,
    label: string,
    side: Contestant["side"],
    file: string,
    roles: readonly Role[],
    env: Record<string, string> = {},
  ): Contestant => ({ name, label, side, roles, command: inDeno(file), tellsMemory: true, env });
  // Read by the runtime when it starts: how many socket operations one turn of its loop takes.
  const turned = { DENO_TOKIO_MAX_IO_EVENTS_PER_TICK: "100" };
  const onLinux = { BENCH_NETWORK: "linux" };
  return [
    one("service", "socket service", "ours", "service.ts", TCP),
    one("service-lent", "socket service, lent bytes", "ours", "service.ts", ["echo"], {
      BENCH_BYTES: "lent",
    }),
    one("service-into", "socket service, read(into)", "ours", "service.ts", ["echo"], {
      BENCH_BYTES: "into",
    }),
    one("linux", "socket service, linuxNetwork", "ours", "service.ts", TCP, onLinux),
    one("linux-lent", "socket service, linuxNetwork, lent bytes", "ours", "service.ts", ["echo"], {
      ...onLinux,
      BENCH_BYTES: "lent",
    }),
    one("group", "socket Group", "ours", "group.ts", ["broadcast"]),
    one("iterate", "socket for await", "ours", "iterate.ts", TCP),
    one("framed", "socket framedService", "ours", "text_service.ts", ["lines"]),
    one("udp-client", "socket UdpClient", "ours", "udp_client.ts", ["datagrams"]),
    one("udp-iterate", "socket UdpClient for await", "ours", "udp_iterate.ts", ["datagrams"]),
    one("udp-listener", "socket UdpListener", "ours", "udp_listener.ts", ["datagrams", "tell"]),
    one(
      "linux-udp",
      "socket UdpListener, linuxNetwork",
      "ours",
      "udp_listener.ts",
      ["datagrams", "tell"],
      onLinux,
    ),
    one("linux-udp-group", "socket Group of sessions, linuxNetwork", "ours", "udp_group.ts", [
      "tell",
    ], onLinux),
    one(
      "linux-udp-lent",
      "socket UdpListener, linuxNetwork, lent bytes",
      "ours",
      "udp_listener.ts",
      ["datagrams"],
      { ...onLinux, BENCH_BYTES: "lent" },
    ),
    one(
      "linux-udp-client",
      "socket UdpClient, linuxNetwork",
      "ours",
      "udp_client.ts",
      ["datagrams"],
      onLinux,
    ),
    one(
      "udp-listener-lent",
      "socket UdpListener, lent bytes",
      "ours",
      "udp_listener.ts",
      ["datagrams"],
      { BENCH_BYTES: "lent" },
    ),
    one("raw", "Deno raw", "base", "raw.ts", TELLS),
    one("raw-kept", "Deno raw, bytes kept", "peer", "raw.ts", ["echo"], { BENCH_BYTES: "kept" }),
    one("raw-100", "Deno raw, switch", "peer", "raw.ts", ["echo"], turned),
    one("raw-streams", "Deno streams", "peer", "raw_streams.ts", ["echo", "small", "datagrams"]),
    one("raw-receive", "Deno raw, receive()", "peer", "raw_receive.ts", ["datagrams"]),
    one("raw-copies", "Deno raw, two copies", "peer", "raw_copies.ts", ["datagrams"]),
    one("deno-node", "node: in Deno", "peer", "node_net.mjs", ALL),
  ];
}

/** Finds and builds the contestants that are named; an empty list means all. */
export async function gather(names: readonly string[]): Promise<Field> {
  const contestants = denoContestants();
  const missing: string[] = [];
  const others = [
    {
      name: "node",
      label: "Node",
      side: "peer",
      make: makeNode,
      args: ["--expose-gc", "node_net.mjs"],
      roles: ALL,
    },
    { name: "bun", label: "Bun", side: "peer", make: makeBun, args: ["bun.mjs"], roles: ALL },
    { name: "go", label: "Go", side: "peer", make: makeGo, args: [], roles: TELLS },
    { name: "epoll", label: "C epoll", side: "limit", make: makeEpoll, args: [], roles: TELLS },
  ] as const;
  for (const { name, label, side, make, args, roles } of others) {
    if (names.length > 0 && !names.includes(name)) continue;
    const made: Made = await make();
    if ("missing" in made) {
      missing.push(`${label} is left out: ${made.missing}`);
      continue;
    }
    const command = [made.path, ...args.map((arg) => arg.endsWith(".mjs") ? path(arg) : arg)];
    contestants.push({
      name,
      label: await labelWithVersion(label, made.path),
      side,
      roles,
      command,
      tellsMemory: command.length > 1,
      env: {},
    });
  }
  const wanted = contestants.filter(({ name }) => names.length === 0 || names.includes(name));
  return { contestants: wanted, missing };
}

async function labelWithVersion(label: string, program: string): Promise<string> {
  if (label === "C epoll") return label;
  const text = label === "Go"
    ? await outputOf(["go", "version"])
    : await outputOf([program, "--version"]);
  const version = /\d+\.\d+(\.\d+)?/.exec(text ?? "")?.[0];
  return version === undefined ? label : `${label} ${version}`;
}
