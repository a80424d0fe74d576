// Deno's own network. No other room names Deno.connect, Deno.listen*, setTimeout or performance.now.

import { checkMethods } from "../../base/arguments.ts";
import { GenericError } from "../../base/errors.ts";
import { bare } from "../../base/options.ts";
import type { Clock } from "../clock.ts";
import type { Network } from "../network.ts";
import { listenNode } from "../node/node_listener.ts";
import { connectNodeStream } from "../node/node_stream.ts";
import { lookUpName } from "../node/name_lookup.ts";
import { bindNodeDatagram } from "../node/node_datagram.ts";
import { FairTurns, plainTurns, type Turns, type TurnSignals } from "../turns.ts";
import { connectDeno } from "./deno_connect.ts";
import { bindDenoDatagram } from "./deno_datagram.ts";
import { DENO_OPTIONS } from "./deno_options.ts";
import { keepAlive, KeepAliveListener, refuseOwnTime } from "./keep_alive.ts";
import { isDenoTcp, NativeTls } from "./native_tls.ts";
import { isOwnAddress } from "./own_address.ts";
import { lookUpService } from "./service_lookup.ts";
import { connectPath, type LocalSockets } from "./unix.ts";
import { sendToPath } from "./unix_datagram.ts";
import { listenPath } from "./unix_listener.ts";

/** The time of a burst, while it begins. */
let instant: number | undefined;

const denoClock: Clock = {
  now: () => instant ?? performance.now(),
  setTimeout: (callback, delayInMillis) => setTimeout(callback, delayInMillis),
  clearTimeout: (id) => clearTimeout(id as number),
  unrefTimer: (id) => Deno.unrefTimer(id as number),
  looked: () => denoTurns.looked(),
};

const signals: TurnSignals = {
  now: () => performance.now(),
  together: (callback) => {
    instant = performance.now();
    try {
      callback();
    } finally {
      instant = undefined;
    }
  },
  nextTurn: (callback) => void setImmediate(callback),
};

const denoTurns = new FairTurns(signals);

/**
 * The turns of datagrams on `node:dgram`, which takes in what arrives whether it is asked for or not, up to 128 in each
 * turn. Others have had theirs when the next turn begins: a look of 66 turns would fill the queue meanwhile.
 */
const nodeDatagramTurns: Turns = {
  // Asked for only when a share is used up.
  read: (read) => {
    signals.nextTurn(() => read.begin());
    return true;
  },
  write: (write) => denoTurns.write(write),
  looked: () => denoTurns.looked(),
  stepBack: () => new Promise((resolve) => signals.nextTurn(() => resolve(false))),
};

/**
 * The turns of connections on a network. Those of Deno's own are for all its sockets together, and pass in real
 * time: what goes by another clock, in a test, must not wait for what others did before.
 */
export function turnsOf({ clock, turns = plainTurns }: Network): Turns {
  checkMethods("network.clock", clock, "now", "setTimeout", "clearTimeout");
  if (turns.clock !== undefined && turns.clock !== clock) return plainTurns;
  if (turns !== denoTurns || clock === denoClock) return turns;
  const own = new FairTurns(signals);
  // Virtual time passes without turns of the event loop, so nothing waits for them.
  return { read: (read, streamed) => own.read(read, streamed), write: (write) => own.write(write) };
}

/** The turns of datagrams on a network: its own for all, where it has put those in the place of Deno's. */
export function datagramTurnsOf(network: Network): Turns {
  const { clock, turns, datagramTurns } = network;
  const isDeno = turns === denoTurns && clock === denoClock;
  return isDeno && datagramTurns !== undefined ? datagramTurns : turnsOf(network);
}

const denoLocalSockets: LocalSockets = {
  connect: (path) => Deno.connect(bare({ transport: "unix", path })),
  listen: (path) => Deno.listen(bare({ transport: "unix", path })),
};

/** Deno's own network. */
export const denoNetwork: Network = {
  clock: denoClock,
  turns: denoTurns,
  ...(hasUnstableNet() ? {} : { datagramTurns: nodeDatagramTurns }),
  socketOptions: DENO_OPTIONS,
  connect: async (target) => {
    requireDeno();
    const { localAddress, localPort, keepAliveInMillis } = target;
    // Deno's own sockets ignore the first two, ask after two hours, and cannot reset.
    if (
      (localAddress ?? localPort) !== undefined || typeof keepAliveInMillis === "number" ||
      target.resetOnAbort === true
    ) {
      return await connectNodeStream(target, denoClock);
    }
    const conn = await connectDeno<Deno.TcpConn>(Deno.connect, target);
    if (keepAliveInMillis === "system") keepAlive(conn);
    return conn;
  },
  listen: (target) => {
    requireDeno();
    const { hostname, port, backlog, keepAliveInMillis, reusePort = false } = target;
    refuseOwnTime(keepAliveInMillis);
    // Without the flag, Deno's own would end the process.
    if (reusePort && !hasUnstableNet()) return listenNode(target);
    const listener = Deno.listen(
      bare({ hostname, port, tcpBacklog: backlog, ...(reusePort ? { reusePort } : {}) }),
    );
    return keepAliveInMillis === undefined ? listener : new KeepAliveListener(listener);
  },
  adopt: (target) => {
    requireDeno();
    return listenNode(target);
  },
  sendToPath: (path, bytes) => {
    requireDeno();
    return sendToPath(hasUnstableNet() ? Deno.listenDatagram : undefined, path, bytes);
  },
  connectPath: (target) => {
    requireDeno();
    return connectPath(denoLocalSockets, denoClock, target);
  },
  listenPath: (target) => {
    requireDeno();
    return listenPath(denoLocalSockets, denoClock, target);
  },
  startTls: (transport, options, signal) =>
    isDenoTcp(transport) ? NativeTls.connect(transport, options, signal, Deno.startTls) : undefined,
  listenDatagram: (target) => {
    requireDeno();
    if (!hasUnstableNet()) return bindNodeDatagram(target);
    return bindDenoDatagram(Deno.listenDatagram, target);
  },
  resolveName: lookUpName,
  resolveService: lookUpService,
  isOwnAddress: (address) => isOwnAddress(address, Deno.listen, Deno.networkInterfaces),
};

/** Whether the runtime was started with --unstable-net. Not typed as missing, but it is where it was not. */
function hasUnstableNet(): boolean {
  return (Deno.listenDatagram as unknown) !== undefined;
}

/**
 * Deno's network with the datagram sockets of `node:dgram`: what a {@linkcode UdpClient} stands on where
 * Deno was started without `--unstable-net`. Slow, but it can set a time to live, choose the interface of
 * multicast and hear only one source of a group.
 */
export const nodeNetwork: Network = {
  ...denoNetwork,
  datagramTurns: nodeDatagramTurns,
  socketOptions: { ...DENO_OPTIONS, name: "Deno's sockets and those of node:dgram" },
  listenDatagram: (target) => {
    requireDeno();
    return bindNodeDatagram(target);
  },
};

/** The oldest Deno whose pending reads and writes end when their socket is closed. */
const OLDEST_DENO = [2, 9, 5] as const;

/** Says why a version of Deno is too old for this library; `undefined` where it is not. */
export function versionProblem(version: string): string | undefined {
  const parts = version.split(/[.+-]/, 3).map(Number);
  for (let i = 0; i < OLDEST_DENO.length; i++) {
    const part = parts[i] ?? 0;
    if (part > OLDEST_DENO[i]!) return undefined;
    if (part < OLDEST_DENO[i]!) {
      return `Deno ${version} is too old, run with ${OLDEST_DENO.join(".")} or newer`;
    }
  }
  return undefined;
}

const problem = versionProblem(Deno.version.deno);

function requireDeno(): void {
  if (problem !== undefined) {
    throw new GenericError("unsupported", `Cannot open a socket: ${problem}`);
  }
}
