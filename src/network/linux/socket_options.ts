// The options of a config on the system's sockets: set before a socket is bound or connected, since what it offers
// its peer at the beginning depends on them.
//
// What a listening socket is set to, all that it accepts inherit from it (man 7 socket, tcp, ip; net/core/sock.c,
// sk_clone_lock). So nothing is set for each connection.

import { shown } from "../../base/arguments.ts";
import { GenericError, isError } from "../../base/errors.ts";
import type { SocketOptions } from "../socket_options.ts";
import * as abi from "./abi.ts";
import { ENODEV, EOPNOTSUPP, isUnknownOption, unsupportedOption } from "./errno.ts";
import { setOption } from "./socket.ts";

/** What a socket is. */
export interface SocketKind {
  /** A `AF_` number. */
  readonly family: number;
  /** What for. */
  readonly use: "listen" | "connect" | "datagram";
  /** How many connections it keeps, if it listens. */
  readonly backlog?: number;
}

/**
 * Sets the options that were asked for; those that were not cost nothing.
 *
 * @param descriptor A socket that is neither bound nor connected.
 * @param options Which.
 * @param kind What it is.
 * @throws {GenericError} `"unsupported"`: this system does not know one. `"unreachable"`: there is no such network
 * interface.
 * @throws {Error} What else the system says, with the option's name.
 */
export function setSocketOptions(
  descriptor: number,
  options: SocketOptions,
  kind: SocketKind,
): void {
  const set = (option: keyof SocketOptions, level: number, name: number, value: number) =>
    setNumber(descriptor, option, level, name, value);
  const { receiveBufferSize, sendBufferSize, reusePort, networkInterface } = options;
  if (reusePort === true) set("reusePort", abi.SOL_SOCKET, abi.SO_REUSEPORT, 1);
  if (networkInterface !== undefined) bindToInterface(descriptor, networkInterface);
  if (receiveBufferSize !== undefined) {
    set("receiveBufferSize", abi.SOL_SOCKET, abi.SO_RCVBUF, receiveBufferSize);
  }
  if (sendBufferSize !== undefined) {
    set("sendBufferSize", abi.SOL_SOCKET, abi.SO_SNDBUF, sendBufferSize);
  }
  setPacketOptions(descriptor, options, kind);
  if (kind.use !== "datagram") setTcpOptions(descriptor, options, kind);
}

function setPacketOptions(
  descriptor: number,
  { typeOfService, timeToLive }: SocketOptions,
  { family }: SocketKind,
): void {
  const set = (option: keyof SocketOptions, value: number, ipv4: number, ipv6: number) => {
    // A socket of IPv6 talks to IPv4 peers, too, by what is set for those.
    setNumber(descriptor, option, abi.IPPROTO_IP, ipv4, value);
    if (family === abi.AF_INET6) setNumber(descriptor, option, abi.IPPROTO_IPV6, ipv6, value);
  };
  if (typeOfService !== undefined) {
    set("typeOfService", typeOfService, abi.IP_TOS, abi.IPV6_TCLASS);
  }
  if (timeToLive !== undefined) set("timeToLive", timeToLive, abi.IP_TTL, abi.IPV6_UNICAST_HOPS);
}

function setTcpOptions(descriptor: number, options: SocketOptions, kind: SocketKind): void {
  const set = (option: keyof SocketOptions, name: number, value: number) =>
    setNumber(descriptor, option, abi.IPPROTO_TCP, name, value);
  const { keepAliveInMillis, keepAliveIntervalInMillis, keepAliveProbes } = options;
  if (keepAliveInMillis !== undefined) {
    setNumber(descriptor, "keepAliveInMillis", abi.SOL_SOCKET, abi.SO_KEEPALIVE, 1);
  }
  if (typeof keepAliveInMillis === "number") {
    set("keepAliveInMillis", abi.TCP_KEEPIDLE, inSeconds(keepAliveInMillis));
  }
  if (keepAliveIntervalInMillis !== undefined) {
    set("keepAliveIntervalInMillis", abi.TCP_KEEPINTVL, inSeconds(keepAliveIntervalInMillis));
  }
  if (keepAliveProbes !== undefined) set("keepAliveProbes", abi.TCP_KEEPCNT, keepAliveProbes);
  const { userTimeoutInMillis, fastOpen } = options;
  if (userTimeoutInMillis !== undefined) {
    set("userTimeoutInMillis", abi.TCP_USER_TIMEOUT, userTimeoutInMillis);
  }
  if (fastOpen !== true) return;
  if (kind.use === "listen") return set("fastOpen", abi.TCP_FASTOPEN, kind.backlog ?? 1);
  try {
    set("fastOpen", abi.TCP_FASTOPEN_CONNECT, 1);
  } catch (error) {
    // Where the system is set up without it, this end does not allow it.
    if (errnoOf(error) !== EOPNOTSUPP) throw error;
  }
}

/** The system counts whole seconds, and must not ask earlier. */
function inSeconds(millis: number): number {
  return Math.ceil(millis / 1_000);
}

function setNumber(
  descriptor: number,
  name: keyof SocketOptions,
  level: number,
  option: number,
  value: number | Uint8Array<ArrayBuffer>,
): void {
  try {
    setOption(descriptor, level, option, value);
  } catch (error) {
    if (isUnknownOption(errnoOf(error))) throw unsupportedOption(name, error);
    if (isError(error)) error.message = `cannot set ${name}: ${error.message}`;
    throw error;
  }
}

function bindToInterface(descriptor: number, name: string): void {
  try {
    const bytes = new TextEncoder().encode(name);
    setNumber(descriptor, "networkInterface", abi.SOL_SOCKET, abi.SO_BINDTODEVICE, bytes);
  } catch (cause) {
    if (errnoOf(cause) !== ENODEV) throw cause;
    const message = `Cannot set networkInterface: there is no network interface ${shown(name)}`;
    throw new GenericError("unreachable", message, { cause });
  }
}

/** The number that the system gave for a failure; 0 for any other error. */
function errnoOf(error: unknown): number {
  return (error as { errno?: number }).errno ?? 0;
}
