// Datagrams that are sent with one call: see message_memory.ts.
//
// Those in a row that go to one address and are as long as the first, the last one excepted, leave as one message, which
// the system or the network card takes apart (UDP_SEGMENT). On loopback, sending 16 of 64 bytes takes a quarter of the
// time, and receiving them half of it: see docs/linux_engine.md.

import {
  CMSGHDR_BYTES,
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_UDP,
  IPV6_PKTINFO,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  UDP_SEGMENT,
} from "./abi.ts";
import { type LinuxDatagramAddress, NAME_WORDS } from "./datagram_address.ts";
import { believed, ECONNREFUSED, errnoLook } from "./errno.ts";
import { libc } from "./libc.ts";
import {
  addressOf,
  CMSGHDR_WORDS,
  CONTROL_WORDS,
  MessageMemory,
  MESSAGES,
} from "./message_memory.ts";

const FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL;
/**
 * What a message of several datagrams may have: each must fit into a packet of the path, whose size is not known, and
 * all into what IPv4 can carry.
 */
const LONGEST_SEGMENT = 1_400;
const LONGEST_MESSAGE = 65_507;

/** What is sent with one call. */
export class DatagramsOut {
  readonly #memory = new MessageMemory();
  /** The buffer that was sent from last, and where it is. */
  #buffer: ArrayBufferLike | undefined;
  #address = 0;
  /** How many datagrams, parts of memory and messages there are. */
  #datagrams = 0;
  #parts = 0;
  #messages = 0;
  /** How many datagrams there are up to each message. */
  readonly #upTo = new Int32Array(MESSAGES);
  /** The last message: its target, its datagrams' length, how much and how many it has, and where its bytes end. */
  #target: LinuxDatagramAddress | undefined;
  #segment = 0;
  #length = 0;
  #segments = 0;
  #firstPart = 0;
  #lastPart = 0;
  #end = 0;
  /** Whether the last call has told that the peer has refused an earlier one. */
  wasRefused = false;

  /** How many datagrams there is still room for. */
  get room(): number {
    return MESSAGES - this.#datagrams;
  }

  /** Begins anew. */
  clear(): void {
    this.#datagrams = this.#parts = this.#messages = 0;
    this.#target = undefined;
  }

  /**
   * Adds a datagram. Its bytes must stay where they are until `send`.
   *
   * @param joins Whether it may leave in one message with the one before.
   */
  add(bytes: Uint8Array, target: LinuxDatagramAddress, joins: boolean): void {
    const { length } = bytes;
    const at = this.#addressOf(bytes);
    this.#datagrams++;
    if (joins && target === this.#target && this.#join(at, length)) {
      this.#upTo[this.#messages - 1] = this.#datagrams;
      return;
    }
    const memory = this.#memory;
    const message = this.#messages++;
    target.write(memory.names, message * NAME_WORDS);
    memory.setNameLength(message, target.bytes);
    this.#firstPart = this.#parts++;
    memory.describe(message, this.#firstPart, 1);
    this.#setPart(this.#firstPart, at, length);
    memory.setControlLength(message, this.#writeSource(message, target.local));
    this.#upTo[message] = this.#datagrams;
    this.#target = length > 0 && length <= LONGEST_SEGMENT ? target : undefined;
    this.#segment = this.#length = length;
    this.#segments = 1;
  }

  /** Adds a datagram to the last message, where it can be. */
  #join(at: number, length: number): boolean {
    if (length === 0 || length > this.#segment) return false;
    if (this.#length + length > LONGEST_MESSAGE) return false;
    const memory = this.#memory;
    const message = this.#messages - 1;
    if (at === this.#end) {
      this.#setPart(this.#parts - 1, at - this.#lastPart, this.#lastPart + length);
    } else {
      const part = this.#parts++;
      this.#setPart(part, at, length);
      memory.describe(message, this.#firstPart, this.#parts - this.#firstPart);
    }
    this.#length += length;
    if (++this.#segments === 2) this.#writeSegment(message);
    // A shorter one is the last.
    if (length < this.#segment) this.#target = undefined;
    return true;
  }

  #setPart(part: number, at: number, length: number): void {
    this.#memory.setPart(part, at, length);
    this.#lastPart = length;
    this.#end = at + length;
  }

  #addressOf(bytes: Uint8Array): number {
    const { buffer } = bytes;
    // What was transferred away has no bytes: nothing is read from there.
    if (bytes.length === 0) return 0;
    if (buffer !== this.#buffer) {
      this.#address = addressOf(buffer);
      this.#buffer = buffer;
    }
    return this.#address + bytes.byteOffset;
  }

  /** Writes the address that a message leaves from. Returns how many bytes that takes. */
  #writeSource(message: number, local: Int32Array): number {
    const count = local.length;
    if (count === 0) return 0;
    const { control } = this.#memory;
    const isIpv4 = count === 1;
    const at = message * CONTROL_WORDS;
    const length = CMSGHDR_BYTES + (isIpv4 ? 12 : 20);
    this.#writeHeader(at, length, isIpv4 ? IPPROTO_IP : IPPROTO_IPV6);
    control[at + 3] = isIpv4 ? IP_PKTINFO : IPV6_PKTINFO;
    const data = at + CMSGHDR_WORDS;
    // struct in_pktinfo: any interface, the source, nothing. struct in6_pktinfo: the source, any interface.
    control[isIpv4 ? data : data + 4] = 0;
    control.set(local, isIpv4 ? data + 1 : data);
    return length + 7 & ~7;
  }

  /** Says of how many bytes each datagram of a message is. */
  #writeSegment(message: number): void {
    const before = this.#memory.controlLength(message);
    const at = message * CONTROL_WORDS + before / 4;
    this.#writeHeader(at, CMSGHDR_BYTES + 2, IPPROTO_UDP);
    this.#memory.control[at + 3] = UDP_SEGMENT;
    this.#memory.control[at + CMSGHDR_WORDS] = this.#segment;
    this.#memory.setControlLength(message, before + CMSGHDR_BYTES + 8);
  }

  #writeHeader(at: number, length: number, level: number): void {
    const { control } = this.#memory;
    control[at] = length;
    control[at + 1] = 0;
    control[at + 2] = level;
  }

  /**
   * Sends those that were added.
   *
   * @param isConnected Whether the system may tell that the peer has refused an earlier one.
   * @returns How many datagrams, or the number of the failure of the first one, negative.
   */
  send(descriptor: number, isConnected: boolean): number {
    const { sendmmsg } = libc();
    const call = () => sendmmsg(descriptor, this.#memory.bytes, this.#messages, FLAGS);
    let sent = call();
    this.wasRefused = sent < 0 && isConnected && errnoLook.look() === ECONNREFUSED;
    if (sent < 0) sent = believed(call);
    return sent <= 0 ? sent : this.#upTo[sent - 1]!;
  }

  /** Whether the first message is of several datagrams. */
  get beginsJoined(): boolean {
    return this.#messages > 0 && this.#upTo[0]! > 1;
  }
}

let only: DatagramsOut | undefined;

/** The one memory for it. */
export function datagramsOut(): DatagramsOut {
  return only ??= new DatagramsOut();
}
