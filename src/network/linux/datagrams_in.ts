// Datagrams that are received with one call, until the next call: see message_memory.ts.

import {
  CMSGHDR_BYTES,
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_UDP,
  IPV6_PKTINFO,
  MSG_DONTWAIT,
  UDP_GRO,
} from "./abi.ts";
import type { AddressBook, Arrival, LinuxDatagramAddress } from "./datagram_address.ts";
import { NAME_WORDS } from "./datagram_address.ts";
import { believed, ECONNREFUSED, errnoLook } from "./errno.ts";
import { libc } from "./libc.ts";
import {
  addressOf,
  CMSGHDR_WORDS,
  CONTROL_WORDS,
  MessageMemory,
  MESSAGES,
} from "./message_memory.ts";
import { mayAnswerFrom } from "./own_address.ts";

/** Room for the largest datagram, or for many that the system has put together. */
const ROOM = 65_536;
/**
 * From one room to the next. Only pages that something was received into take memory. Where all began at the same
 * offset of a page, they would share few places of the processor's cache.
 */
const STRIDE = ROOM + 192;
const NAME_BYTES = NAME_WORDS * 4;
const CONTROL_BYTES = CONTROL_WORDS * 4;

/** What one call has brought. */
export class DatagramsIn {
  readonly #memory = new MessageMemory();
  #room = new Uint8Array(0);
  readonly #views: (Uint8Array<ArrayBuffer> | undefined)[] = [];
  /** How many messages have changed what the system reads before it receives. */
  #used = MESSAGES;
  /** What the control data of a message says. */
  #segment = 0;
  #networkInterface = 0;
  #local: Int32Array = NOTHING;
  #isIpv4 = false;

  /**
   * Receives without waiting.
   *
   * @param count How many datagrams at most.
   * @param isConnected Whether the system may tell that the peer refused something.
   * @returns How many, or the number of the failure, negative.
   */
  receive(descriptor: number, count: number, isConnected: boolean): number {
    if (this.#room.length === 0) this.#makeRoom();
    const memory = this.#memory;
    for (let i = 0; i < this.#used; i++) {
      memory.setNameLength(i, NAME_BYTES);
      memory.setControlLength(i, CONTROL_BYTES);
    }
    const { recvmmsg } = libc();
    const call = () => recvmmsg(descriptor, memory.bytes, count, MSG_DONTWAIT, null);
    let received = call();
    if (received < 0) {
      // It is told once, so the call cannot be asked again.
      if (isConnected && errnoLook.look() === ECONNREFUSED) return -ECONNREFUSED;
      received = believed(call);
    }
    this.#used = Math.max(received, 0);
    return received;
  }

  #makeRoom(): void {
    this.#room = new Uint8Array(MESSAGES * STRIDE);
    this.#views.length = 0;
    const at = addressOf(this.#room.buffer);
    for (let i = 0; i < MESSAGES; i++) this.#memory.setPart(i, at + i * STRIDE, ROOM);
  }

  /** The sender of a message. */
  from(message: number, book: AddressBook): LinuxDatagramAddress {
    const length = this.#memory.controlLength(message);
    const arrival = length === 0 ? undefined : this.#readControl(message, length);
    return book.find(this.#memory.names, message * NAME_WORDS, arrival);
  }

  /** How long a message is, and each of the datagrams in it, the last one excepted. */
  lengthOf(message: number): number {
    return this.#memory.lengthOf(message);
  }

  /** The length of the datagrams that a message consists of, 0 where it is one. Read `from` first. */
  segmentOf(message: number): number {
    return this.#memory.controlLength(message) === 0 ? 0 : this.#segment;
  }

  /** The bytes of a datagram: those of most are as many as of the last one in that place. */
  bytesOf(message: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
    const at = message * STRIDE + offset;
    if (offset > 0) return this.#room.subarray(at, at + length);
    const view = this.#views[message];
    if (view?.length === length) return view;
    return this.#views[message] = this.#room.subarray(at, at + length);
  }

  #readControl(message: number, length: number): Arrival | undefined {
    const { control } = this.#memory;
    this.#segment = this.#networkInterface = 0;
    this.#local = NOTHING;
    this.#isIpv4 = false;
    const first = message * CONTROL_WORDS;
    const end = first + length / 4;
    for (let at = first; at + CMSGHDR_WORDS <= end;) {
      const bytes = control[at]!;
      if (bytes < CMSGHDR_BYTES) break;
      this.#readOne(control, at + CMSGHDR_WORDS, control[at + 2]!, control[at + 3]!);
      // Each begins at a multiple of eight bytes.
      at += (bytes + 7 >>> 3) * 2;
    }
    if (this.#networkInterface === 0 && this.#local === NOTHING) return undefined;
    return { local: this.#local, networkInterface: this.#networkInterface };
  }

  #readOne(control: Int32Array, at: number, level: number, kind: number): void {
    if (level === IPPROTO_UDP && kind === UDP_GRO) {
      this.#segment = control[at]!;
    } else if (level === IPPROTO_IP && kind === IP_PKTINFO) {
      // struct in_pktinfo: the interface, the address that answers should leave from, the one in the header.
      this.#networkInterface = control[at]!;
      // On a socket of IPv6 it comes beside the other one, which has only the address in the header.
      this.#local = control[at + 1] === 0 ? NOTHING : control.subarray(at + 1, at + 2);
      // It came before the system was asked to note where: then only the header tells.
      if (this.#networkInterface === 0 && mayAnswerFrom(control[at + 2]!)) {
        this.#local = control.subarray(at + 2, at + 3);
      }
      this.#isIpv4 = true;
    } else if (level === IPPROTO_IPV6 && kind === IPV6_PKTINFO && !this.#isIpv4) {
      // struct in6_pktinfo: the address in the header, which may be that of a group; the interface.
      const isGroup = (control[at]! & 0xff) === 0xff;
      this.#local = isGroup ? NOTHING : control.subarray(at, at + 4);
      this.#networkInterface = control[at + 4]!;
    }
  }
}

const NOTHING = new Int32Array(0);

let spare: DatagramsIn | undefined;

/**
 * Lends memory to receive with, for as long as a call takes. Mostly it is the same: another one is made where a call is
 * made within a call.
 */
export function withDatagramsIn<T>(use: (memory: DatagramsIn) => T): T {
  const memory = spare ?? new DatagramsIn();
  spare = undefined;
  try {
    return use(memory);
  } finally {
    spare = memory;
  }
}
