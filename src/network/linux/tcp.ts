// TCP on this engine: how one listens, and how one connects.

import { ipVersion } from "../../base/ip_address.ts";
import { withOptions } from "../../base/options.ts";
import type { NetworkAddress } from "../../base/address.ts";
import type { Clock } from "../clock.ts";
import { dial } from "../dial.ts";
import type { ConnectTarget, ListenTarget } from "../network.ts";
import type { Transport, TransportListener } from "../transport.ts";
import * as abi from "./abi.ts";
import { attempt, EALREADY, EINPROGRESS, EISCONN, must, systemError } from "./errno.ts";
import { libc } from "./libc.ts";
import { LinuxListener } from "./linux_listener.ts";
import { LinuxTcpStream } from "./linux_stream.ts";
import { type EventHandler, eventLoop } from "./loop.ts";
import { lookUpAddresses } from "./name_lookup.ts";
import { refuseDenied, requireHost } from "./permissions.ts";
import { familyOf, ipSocketAddress } from "./sockaddr.ts";
import {
  bindTo,
  closeDescriptor,
  interfaceIndex,
  openSocket,
  ownAddress,
  peerAddress,
  pendingFailure,
  setOption,
} from "./socket.ts";

/** Addresses that stand for all of this machine's. */
const ANY: readonly string[] = ["0.0.0.0", "::"];

/**
 * Binds a socket and listens.
 *
 * @throws {Deno.errors.NotCapable} No permission.
 * @throws {Error} Why not, with the class and code of Deno's own.
 */
export async function listenTcp(target: ListenTarget): Promise<TransportListener> {
  const { hostname, port, backlog, keepAliveInMillis } = target;
  libc();
  requireHost(hostname, port);
  const ip = await firstAddress(hostname, port);
  const descriptor = openSocket(familyOf(ip), abi.SOCK_STREAM);
  try {
    setOption(descriptor, abi.SOL_SOCKET, abi.SO_REUSEADDR, 1);
    // What is accepted inherits these.
    setOption(descriptor, abi.IPPROTO_TCP, abi.TCP_NODELAY, 1);
    if (keepAliveInMillis !== undefined) keepAlive(descriptor, keepAliveInMillis);
    bindTo(descriptor, ipSocketAddress(ip, port, interfaceIndex));
    must("listen", () => libc().listen(descriptor, backlog));
    const address = ownAddress(descriptor, "tcp");
    // On one address, each has that one.
    const isAny = ANY.includes(ip);
    const accepted = (descriptor: number, from: NetworkAddress) => {
      const local = isAny ? ownAddress(descriptor, "tcp") : address;
      return new LinuxTcpStream(descriptor, local, from, { isNoDelay: true });
    };
    return new LinuxListener(descriptor, address, accepted, keepAliveInMillis);
  } catch (error) {
    closeDescriptor(descriptor);
    throw error;
  }
}

async function firstAddress(hostname: string, port: number): Promise<string> {
  if (ipVersion(hostname) !== 0) return hostname;
  const { addresses } = await lookUpAddresses(hostname, 0);
  refuseDenied(addresses[0]!, port);
  return addresses[0]!;
}

/** Lets the system ask, from time to time, whether the peer is still there. */
function keepAlive(descriptor: number, inMillis: number | "system"): void {
  setOption(descriptor, abi.SOL_SOCKET, abi.SO_KEEPALIVE, 1);
  if (inMillis === "system") return;
  // The system counts in seconds.
  const seconds = Math.min(Math.ceil(inMillis / 1000), LONGEST_KEEP_ALIVE_IN_SECONDS);
  setOption(descriptor, abi.IPPROTO_TCP, abi.TCP_KEEPIDLE, seconds);
}

/** MAX_TCP_KEEPIDLE (net/tcp.h of the kernel). */
const LONGEST_KEEP_ALIVE_IN_SECONDS = 32_767;

/**
 * Connects; all addresses of a name are tried, within the one signal.
 *
 * @throws {Deno.errors.NotCapable} No permission.
 * @throws {unknown} The signal's reason, or why not, with the class and code of Deno's own.
 */
export async function connectTcp(target: ConnectTarget, clock: Clock): Promise<Transport> {
  const { hostname, port, localAddress } = target;
  libc();
  if (localAddress !== undefined) requireHost(localAddress, 0);
  requireHost(hostname, port);
  return await dial(withOptions(target, { hosts: [hostname] }), {
    clock,
    lookUp: (name, _, family) => lookUpAddresses(name, family),
    dial: (ip, signal) => {
      if (ip !== hostname) refuseDenied(ip, port);
      return connected(target, ip, signal);
    },
    discard: (late) => late.close(),
  });
}

async function connected(
  { port, localAddress, keepAliveInMillis, canReset = false }: ConnectTarget,
  ip: string,
  signal: AbortSignal,
): Promise<Transport> {
  const descriptor = openSocket(familyOf(ip), abi.SOCK_STREAM);
  try {
    if (keepAliveInMillis !== undefined) keepAlive(descriptor, keepAliveInMillis);
    if (localAddress !== undefined) {
      bindTo(descriptor, ipSocketAddress(localAddress, 0, interfaceIndex));
    }
    const to = ipSocketAddress(ip, port, interfaceIndex);
    const result = attempt(() => libc().connect(descriptor, to, to.length));
    if (result < 0 && !UNDER_WAY.includes(-result)) throw systemError(-result, "connect");
    const connecting = new Connecting();
    await connecting.wait(descriptor, signal);
    const failure = pendingFailure(descriptor);
    if (failure !== 0) throw systemError(failure, "connect");
    const [local, remote] = [ownAddress(descriptor, "tcp"), peerAddress(descriptor, "tcp")];
    return new LinuxTcpStream(descriptor, local, remote, { canReset, told: connecting.events });
  } catch (error) {
    eventLoop().unregister(descriptor);
    closeDescriptor(descriptor);
    throw error;
  }
}

/** What a connect says that goes on, or that was repeated while it did. */
const UNDER_WAY: readonly number[] = [EINPROGRESS, EALREADY, EISCONN];

/** Waits until a socket is connected, or has failed. */
class Connecting implements EventHandler {
  /** All that was told, for the stream. */
  events = 0;
  #onEvents: (() => void) | undefined;

  onEvents(events: number): void {
    this.events |= events;
    this.#onEvents?.();
  }

  /**
   * Waits.
   *
   * @throws {unknown} The signal's reason.
   */
  wait(descriptor: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const loop = eventLoop();
    loop.register(descriptor, this);
    loop.hold();
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        this.#onEvents = undefined;
        signal.removeEventListener("abort", onAbort);
        loop.release();
        end();
      };
      const onAbort = () => settle(() => reject(signal.reason));
      this.#onEvents = () => settle(resolve);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}
