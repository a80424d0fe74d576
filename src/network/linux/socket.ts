// What is done with any socket, whatever it carries: it is opened, set, asked and closed.
//
// A descriptor is a number that the system gives to the next socket as soon as it is closed. So each has one owner, who
// closes it once and forgets it.

import type { NetworkAddress } from "../../base/address.ts";
import { SO_ERROR, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCKADDR_BYTES, SOL_SOCKET } from "./abi.ts";
import { attempt, must } from "./errno.ts";
import { libc } from "./libc.ts";
import { networkAddress, type SocketAddress } from "./sockaddr.ts";

/** Where the system writes numbers and addresses. Nothing is awaited between a call and the reading of it. */
const word = new Int32Array(1);
const wordBytes = new Uint8Array(word.buffer);
const length = new Uint32Array(1);
const lengthBytes = new Uint8Array(length.buffer);
const address = new Uint8Array(SOCKADDR_BYTES);

/**
 * Opens a socket that never waits and that no other program inherits.
 *
 * @param family `AF_…`.
 * @param kind `SOCK_STREAM` or `SOCK_DGRAM`.
 * @throws {Error} Why not: out of descriptors, or the system has no such family.
 */
export function openSocket(family: number, kind: number): number {
  const { socket } = libc();
  return must("socket", () => socket(family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/** Closes a descriptor. Never repeated: whatever the system says, it is closed. */
export function closeDescriptor(descriptor: number): void {
  libc().close(descriptor);
}

/**
 * Sets an option.
 *
 * @param value A number, or the bytes of a structure.
 * @throws {Error} The system refuses it; its `errno` says why.
 */
export function setOption(
  descriptor: number,
  level: number,
  option: number,
  value: number | Uint8Array<ArrayBuffer>,
): void {
  const { setsockopt } = libc();
  if (typeof value === "number") word[0] = value;
  const bytes = typeof value === "number" ? wordBytes : value;
  must("setsockopt", () => setsockopt(descriptor, level, option, bytes, bytes.length));
}

/**
 * Asks for an option that is a number.
 *
 * @throws {Error} The system refuses it.
 */
export function option(descriptor: number, level: number, name: number): number {
  structureOf(descriptor, level, name, wordBytes);
  return word[0]!;
}

/**
 * Asks for an option that is a structure.
 *
 * @param room Where it is put.
 * @returns How many bytes of it the system has written.
 * @throws {Error} The system refuses it.
 */
export function structureOf(
  descriptor: number,
  level: number,
  name: number,
  room: Uint8Array<ArrayBuffer>,
): number {
  const { getsockopt } = libc();
  must("getsockopt", () => {
    length[0] = room.length;
    return getsockopt(descriptor, level, name, room, lengthBytes);
  });
  return length[0]!;
}

/** What has happened to a socket that nobody was told yet, which is told once: the number of a failure, or 0. */
export function pendingFailure(descriptor: number): number {
  return option(descriptor, SOL_SOCKET, SO_ERROR);
}

/**
 * Binds a socket to an address.
 *
 * @throws {Error} Why not.
 */
export function bindTo(descriptor: number, to: SocketAddress): void {
  const { bind } = libc();
  must("bind", () => bind(descriptor, to, to.length));
}

/** The address that a socket has here. */
export function ownAddress(descriptor: number, transport: "tcp" | "udp"): NetworkAddress {
  const { getsockname } = libc();
  must("getsockname", () => getsockname(descriptor, address, wholeLength()));
  return networkAddress(address, length[0]!, transport);
}

/**
 * The address of a socket's peer.
 *
 * @throws {Error} It has none, or none any more.
 */
export function peerAddress(descriptor: number, transport: "tcp" | "udp"): NetworkAddress {
  const { getpeername } = libc();
  must("getpeername", () => getpeername(descriptor, address, wholeLength()));
  return networkAddress(address, length[0]!, transport);
}

function wholeLength(): Uint8Array<ArrayBuffer> {
  length[0] = address.length;
  return lengthBytes;
}

/**
 * Takes a connection that waits at a socket that listens.
 *
 * @param transport What it carries, if its address is one of IP.
 * @param mayBeEmpty Whether nobody may be waiting there. Where somebody should, it is asked twice.
 * @returns Its descriptor and its peer's address, or the number of the failure, negative. One whose peer has cut it
 * already is a failure, as with Deno's own.
 */
export function acceptFrom(
  descriptor: number,
  transport: "tcp",
  mayBeEmpty = true,
): { readonly descriptor: number; readonly from: NetworkAddress } | number {
  const { accept4, getpeername } = libc();
  const accepted = attempt(
    () => accept4(descriptor, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC),
    () => mayBeEmpty,
  );
  if (accepted < 0) return accepted;
  const named = attempt(() => getpeername(accepted, address, wholeLength()));
  if (named === 0) {
    return { descriptor: accepted, from: networkAddress(address, length[0]!, transport) };
  }
  closeDescriptor(accepted);
  return named;
}

/** The index of a network interface by its name, 0 where there is none. */
export function interfaceIndex(name: string): number {
  return libc().if_nametoindex(new TextEncoder().encode(`${name}\0`));
}
