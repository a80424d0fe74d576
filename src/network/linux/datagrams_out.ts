// Datagrams that are sent with one call: see message_memory.ts.

import {
  CMSGHDR_BYTES,
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_PKTINFO,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
} from "./abi.ts";
import type { LinuxDatagramAddress } from "./datagram_address.ts";
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

const FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL;

/** What is sent with one call. */
class DatagramsOut {
  readonly #memory = new MessageMemory();
  /** The buffer that was sent from last, and where it is. */
  #buffer: ArrayBufferLike | undefined;
  #address = 0;
  #count = 0;
  /** Whether the last call has told that the peer has refused an earlier one. */
  wasRefused = false;

  /** How many there is still room for. */
  get room(): number {
    return MESSAGES - this.#count;
  }

  /** Begins anew. */
  clear(): void {
    this.#count = 0;
  }

  /** Adds a datagram. Its bytes must stay where they are until `send`. */
  add(bytes: Uint8Array, target: LinuxDatagramAddress): void {
    const message = this.#count++;
    const memory = this.#memory;
    target.write(memory.names, message * NAME_WORDS);
    memory.setNameLength(message, target.bytes);
    memory.setPart(message, this.#addressOf(bytes), bytes.length);
    memory.setControlLength(message, this.#writeSource(message, target.local));
  }

  #addressOf(bytes: Uint8Array): number {
    const { buffer } = bytes;
    // One that was transferred away, and is another thread's, has no bytes: nothing is read from there.
    if (bytes.length === 0) return 0;
    if (buffer !== this.#buffer) {
      this.#address = addressOf(buffer as ArrayBuffer);
      this.#buffer = buffer;
    }
    return this.#address + bytes.byteOffset;
  }

  /** Writes the address that it leaves from. Returns how many bytes that takes. */
  #writeSource(message: number, local: Int32Array): number {
    const count = local.length;
    if (count === 0) return 0;
    const { control } = this.#memory;
    const at = message * CONTROL_WORDS;
    const isIpv4 = count === 1;
    const length = CMSGHDR_BYTES + (isIpv4 ? 12 : 20);
    control[at] = length;
    control[at + 1] = 0;
    control[at + 2] = isIpv4 ? IPPROTO_IP : IPPROTO_IPV6;
    control[at + 3] = isIpv4 ? IP_PKTINFO : IPV6_PKTINFO;
    const data = at + CMSGHDR_WORDS;
    // struct in_pktinfo: any interface, the source, nothing. struct in6_pktinfo: the source, any interface.
    control[isIpv4 ? data : data + 4] = 0;
    control.set(local, isIpv4 ? data + 1 : data);
    return length + 7 & ~7;
  }

  /**
   * Sends those that were added.
   *
   * @param isConnected Whether the system may tell that the peer has refused an earlier one.
   * @returns How many, or the number of the failure of the first one, negative.
   */
  send(descriptor: number, isConnected: boolean): number {
    const { sendmmsg } = libc();
    const call = () => sendmmsg(descriptor, this.#memory.bytes, this.#count, FLAGS);
    const sent = call();
    this.wasRefused = sent < 0 && isConnected && errnoLook.look() === ECONNREFUSED;
    return sent < 0 ? believed(call) : sent;
  }

  /** Forgets the buffer: its owner may let go of it. */
  forget(): void {
    this.#buffer = undefined;
  }
}

let only: DatagramsOut | undefined;

/** The one memory for it. */
export function datagramsOut(): DatagramsOut {
  return only ??= new DatagramsOut();
}

export type { DatagramsOut };
