// TCP on this engine: how one listens, and how one connects.

import { ipVersion, isUnspecified } from "../../base/ip_address.ts";
import { withOptions } from "../../base/options.ts";
import type { NetworkAddress } from "../../base/address.ts";
import { young } from "../../base/young.ts";
import type { Clock } from "../clock.ts";
import { dial } from "../dial.ts";
import type { ConnectTarget, ListenTarget } from "../network.ts";
import type { Transport, TransportListener } from "../transport.ts";
import * as abi from "./abi.ts";
import { attempt, EAGAIN, EALREADY, EINPROGRESS, EISCONN, must, systemError } from "./errno.ts";
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
import { setSocketOptions } from "./socket_options.ts";

/**
 * Binds a socket and listens.
 *
 * @throws {Deno.errors.NotCapable} No permission.
 * @throws {Error} Why not, with the class and code of Deno's own.
 */
export async function listenTcp(target: ListenTarget): Promise<TransportListener> {
  const { hostname, port, backlog, resetOnAbort: canReset = false } = target;
  libc();
  requireHost(hostname, port);
  const ip = await firstAddress(hostname, port);
  const descriptor = openSocket(familyOf(ip), abi.SOCK_STREAM);
  try {
    setOption(descriptor, abi.SOL_SOCKET, abi.SO_REUSEADDR, 1);
    // What is accepted inherits these.
    setOption(descriptor, abi.IPPROTO_TCP, abi.TCP_NODELAY, 1);
    setSocketOptions(descriptor, target, { family: familyOf(ip), use: "listen", backlog });
    bindTo(descriptor, ipSocketAddress(ip, port, interfaceIndex));
    must("listen", () => libc().listen(descriptor, backlog));
    const address = ownAddress(descriptor, "tcp");
    // On one address, each has that one.
    const isAny = isUnspecified(ip);
    const accepted = (descriptor: number, from: NetworkAddress) => {
      const local = isAny ? ownAddress(descriptor, "tcp") : address;
      return new LinuxTcpStream(descriptor, local, from, { isNoDelay: true, canReset });
    };
    return new LinuxListener(descriptor, address, accepted);
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

/**
 * Connects; all addresses of a name are tried, within the one signal.
 *
 * @throws {Deno.errors.NotCapable} No permission.
 * @throws {unknown} The signal's reason, or why not, with the class and code of Deno's own.
 */
export async function connectTcp(target: ConnectTarget, clock: Clock): Promise<Transport> {
  const { hostname, port, localAddress, localPort = 0 } = target;
  libc();
  if (localAddress !== undefined) requireHost(localAddress, localPort);
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
  target: ConnectTarget,
  ip: string,
  signal: AbortSignal,
): Promise<Transport> {
  const family = familyOf(ip);
  const { port, localAddress, localPort = 0, fastOpen = false } = target;
  const descriptor = openSocket(family, abi.SOCK_STREAM);
  try {
    setSocketOptions(descriptor, target, { family, use: "connect" });
    if (localAddress !== undefined || localPort !== 0) {
      // Else an ended connection, to whomever, keeps the port for a minute.
      if (localPort !== 0) setOption(descriptor, abi.SOL_SOCKET, abi.SO_REUSEADDR, 1);
      const from = localAddress ?? (family === abi.AF_INET6 ? "::" : "0.0.0.0");
      bindTo(descriptor, ipSocketAddress(from, localPort, interfaceIndex));
    }
    const to = ipSocketAddress(ip, port, interfaceIndex);
    const result = attempt(() => libc().connect(descriptor, to, to.length), isAnswerOfConnect);
    if (result < 0 && !UNDER_WAY.includes(-result)) throw systemError(-result, "connect");
    const connecting = new Connecting();
    await connecting.wait(descriptor, signal);
    const failure = pendingFailure(descriptor);
    if (failure !== 0) throw systemError(failure, "connect");
    const local = ownAddress(descriptor, "tcp");
    // Opened fast, the system does not count it as connected until something is written.
    const remote: NetworkAddress = fastOpen
      ? { transport: "tcp", hostname: ip, port }
      : peerAddress(descriptor, "tcp");
    const canReset = target.resetOnAbort === true;
    return new LinuxTcpStream(descriptor, local, remote, { canReset, told: connecting.events });
  } catch (error) {
    eventLoop().unregister(descriptor);
    closeDescriptor(descriptor);
    throw error;
  }
}

/** TCP never says "nothing now" to a connect: then it is errno that lies. */
const isAnswerOfConnect = (hint: number): boolean => hint !== EAGAIN;

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
      this.#onEvents = young(() => settle(resolve));
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}
