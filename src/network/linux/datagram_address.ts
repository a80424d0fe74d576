// Addresses of datagrams: each sender is one object for as long as it is heard often, with what the system needs in order
// to answer it. So neither a text nor an object is made for a datagram.

import { formatIpAddress, ipAddressFromBytes, ipVersion } from "../../base/ip_address.ts";
import type { DatagramAddress } from "../datagram_socket.ts";
import { AF_INET, AF_INET6, SOCKADDR_IN6_BYTES, SOCKADDR_IN_BYTES } from "./abi.ts";
import { requireHost } from "./permissions.ts";
import { ipSocketAddress } from "./sockaddr.ts";
import { interfaceIndex } from "./socket.ts";

/** Room for an IP address of either family, in words of four bytes. */
export const NAME_WORDS = 8;
/** How many addresses are kept, each in the place that its bits choose, or beside it. */
const PLACES = 4_096;
/** For how long a permission that was asked for counts: asking takes as long as sending. */
const PERMISSION_IN_MILLIS = 1_000;

const IPV4_WORDS = SOCKADDR_IN_BYTES / 4;
const IPV6_WORDS = SOCKADDR_IN6_BYTES / 4;
/** ::ffff:0:0/96, the IPv4 addresses among those of IPv6: the third word of the four. */
const MAPPED = 0xffff_0000 | 0;
const EMPTY_WORDS = new Int32Array(0);

/** The address that a datagram came to: of which the answer leaves. */
export interface Arrival {
  /** The words of an `in_addr` or `in6_addr`; none where it is not to be an answer's source. */
  readonly local: Int32Array;
  /** The index of the network interface; 0 where it is not known. */
  readonly networkInterface: number;
}

/** An address that this engine has made. */
export class LinuxDatagramAddress implements DatagramAddress {
  readonly transport = "udp";
  readonly hostname: string;
  readonly port: number;
  declare readonly localAddress?: string;
  declare readonly networkInterface?: number;
  readonly #words: Int32Array;
  readonly #local: Int32Array;
  readonly #networkInterface: number;
  #mayBeUsedUntil = -Infinity;

  /** @param words The system's form. */
  constructor(words: Int32Array, arrival: Arrival | undefined) {
    this.#words = words;
    this.#local = arrival?.local ?? EMPTY_WORDS;
    this.#networkInterface = arrival?.networkInterface ?? 0;
    const bytes = bytesOf(words);
    this.hostname = hostOf(bytes, words.length === IPV6_WORDS ? words[6]! : 0);
    this.port = bytes[2]! << 8 | bytes[3]!;
    if (this.#local.length > 0) this.localAddress = ipFrom(bytesOf(this.#local));
    if (this.#networkInterface > 0) this.networkInterface = this.#networkInterface;
  }

  /** The words of the address that answers leave from; none where the system chooses. */
  get local(): Int32Array {
    return this.#local;
  }

  /** How long the system's form is. */
  get bytes(): number {
    return this.#words.length * 4;
  }

  /** Whether it is the same, as the system gives it. */
  is(names: Int32Array, at: number, count: number, arrival: Arrival | undefined): boolean {
    const words = this.#words;
    if (words.length !== count || words[0] !== names[at] || words[1] !== names[at + 1]) {
      return false;
    }
    for (let i = 2; i < count; i++) if (words[i] !== names[at + i]) return false;
    if (arrival === undefined) return this.#networkInterface === 0 && this.#local.length === 0;
    const { local, networkInterface } = arrival;
    if (networkInterface !== this.#networkInterface) return false;
    if (local.length !== this.#local.length) return false;
    for (let i = 0; i < local.length; i++) if (local[i] !== this.#local[i]) return false;
    return true;
  }

  /** Whether it is of the same host and port. */
  reaches(other: LinuxDatagramAddress): boolean {
    if (other === this) return true;
    const words = this.#words;
    if (words.length !== other.#words.length) return false;
    return words.every((word, i) => word === other.#words[i]);
  }

  /** Writes the system's form. */
  write(names: Int32Array, at: number): void {
    const words = this.#words;
    for (let i = 0; i < words.length; i++) names[at + i] = words[i]!;
  }

  /**
   * Asks for the permission to send there, as Deno does for each datagram; the answer counts for a second.
   *
   * @throws {Deno.errors.NotCapable} It is not given.
   */
  requirePermission(now: number): void {
    if (now < this.#mayBeUsedUntil || now === -Infinity) return;
    const { hostname } = this;
    const percent = hostname.indexOf("%");
    requireHost(percent < 0 ? hostname : hostname.slice(0, percent), this.port);
    this.#mayBeUsedUntil = now + PERMISSION_IN_MILLIS;
  }
}

/** The addresses that the sockets of one family know. */
export class AddressBook {
  /** The family of the sockets. */
  readonly family: number;
  readonly #places: (LinuxDatagramAddress | undefined)[] = new Array(PLACES).fill(undefined);
  readonly #typed = new WeakMap<DatagramAddress, LinuxDatagramAddress>();
  #lastTyped: DatagramAddress | undefined;
  #last: LinuxDatagramAddress | undefined;

  /** @param family The family of the sockets. */
  constructor(family: number) {
    this.family = family;
  }

  /**
   * The address that the system has written.
   *
   * @param names Where, in words.
   * @param at At which word.
   */
  find(names: Int32Array, at: number, arrival: Arrival | undefined): LinuxDatagramAddress {
    const count = (names[at]! & 0xffff) === AF_INET ? IPV4_WORDS : IPV6_WORDS;
    const bits = names[at]! ^ Math.imul(names[at + (count === IPV4_WORDS ? 1 : 5)]!, 0x9e3779b1);
    const place = (bits ^ bits >>> 16 ^ bits >>> 24) & PLACES - 1;
    const known = this.#places[place];
    if (known !== undefined && known.is(names, at, count, arrival)) return known;
    const beside = this.#places[place ^ 1];
    if (beside !== undefined && beside.is(names, at, count, arrival)) return beside;
    const kept = arrival === undefined ? undefined : { ...arrival, local: arrival.local.slice() };
    const found = new LinuxDatagramAddress(names.slice(at, at + count), kept);
    // Two that belong in one place do not drive each other out.
    this.#places[place ^ 1] = known;
    this.#places[place] = found;
    return found;
  }

  /**
   * The same address as this engine needs it.
   *
   * @param address A host and a port.
   * @returns `undefined` where it is a name.
   * @throws {TypeError} Its zone is no network interface.
   */
  of(address: DatagramAddress): LinuxDatagramAddress | undefined {
    if (address instanceof LinuxDatagramAddress) return address;
    if (address === this.#lastTyped) return this.#last;
    if (ipVersion(address.hostname) === 0) return undefined;
    const found = this.#typed.get(address) ?? this.#read(address);
    this.#lastTyped = address;
    return this.#last = found;
  }

  #read(address: DatagramAddress): LinuxDatagramAddress {
    const { hostname, port } = address;
    // On a socket of IPv6, an IPv4 address is one of IPv6.
    const isMapped = this.family === AF_INET6 && !hostname.includes(":");
    const ip = isMapped ? `::ffff:${hostname}` : hostname;
    const bytes = ipSocketAddress(ip, port, interfaceIndex);
    const found = this.find(new Int32Array(bytes.buffer), 0, undefined);
    this.#typed.set(address, found);
    return found;
  }
}

function bytesOf(words: Int32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function hostOf(name: Uint8Array, scope: number): string {
  const isIpv4 = name[0] === AF_INET;
  const ip = ipFrom(isIpv4 ? name.subarray(4, 8) : name.subarray(8, 24));
  return scope === 0 ? ip : `${ip}%${scope >>> 0}`;
}

/** An IP address in its canonical form. */
function ipFrom(bytes: Uint8Array): string {
  const words = new Int32Array(bytes.slice().buffer);
  const isMapped = words.length === 4 && words[0] === 0 && words[1] === 0 && words[2] === MAPPED;
  return formatIpAddress(ipAddressFromBytes(isMapped ? bytes.subarray(12) : bytes));
}
