// Memory that many messages are received into, or described in, with one call: as recvmmsg and sendmmsg want it.
//
// One memory serves all sockets, because between a call and the use of what it has brought nothing else runs. It is this
// isolate's own, and its parts are seen by others: one who transfers it away gets it, and another is made.

import {
  CMSGHDR_BYTES,
  IOVEC_BYTES,
  MMSGHDR_BYTES,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_IOV,
  MSG_IOVLEN,
  MSG_LEN,
  MSG_NAME,
  MSG_NAMELEN,
} from "./abi.ts";
import { NAME_WORDS } from "./datagram_address.ts";
import { libc } from "./libc.ts";

/** How many messages one call takes at most. */
export const MESSAGES = 64;
/** Room for the control data of a message: the addresses it came to and a length, or one it leaves from. */
export const CONTROL_WORDS = 32;
/** struct cmsghdr, in words. */
export const CMSGHDR_WORDS = CMSGHDR_BYTES / 4;

/** Words from the start of a message's header, and of its iovec. */
const HEADER_WORDS = MMSGHDR_BYTES / 4;
const NAMELEN_WORD = MSG_NAMELEN / 4;
const IOVLEN_WORD = MSG_IOVLEN / 4;
const CONTROL_WORD = MSG_CONTROL / 4;
const CONTROLLEN_WORD = MSG_CONTROLLEN / 4;
const LEN_WORD = MSG_LEN / 4;
const IOVEC_WORDS = IOVEC_BYTES / 4;

/** The address of memory, which stays where it is for as long as nobody transfers it. */
export function addressOf(buffer: ArrayBufferLike): number {
  const bytes = new Uint8Array(buffer);
  // Addresses of programs have 47 bits on x86-64, 48 on arm64.
  return Number(libc().whereIs(bytes, bytes, 0));
}

/** The headers of messages, with names, control data and iovecs. */
export class MessageMemory {
  /** The headers, for the system. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Names, `NAME_WORDS` each. */
  readonly names: Int32Array<ArrayBuffer>;
  /** Control data, `CONTROL_WORDS` each. */
  readonly control: Int32Array<ArrayBuffer>;
  readonly #headers: Uint32Array<ArrayBuffer>;
  readonly #iovecs: Uint32Array<ArrayBuffer>;
  readonly #iovecsAt: number;
  readonly #controlAt: number;

  constructor() {
    this.#headers = new Uint32Array(MESSAGES * HEADER_WORDS);
    this.#iovecs = new Uint32Array(MESSAGES * IOVEC_WORDS);
    this.names = new Int32Array(MESSAGES * NAME_WORDS);
    this.control = new Int32Array(MESSAGES * CONTROL_WORDS);
    this.bytes = new Uint8Array(this.#headers.buffer);
    this.#iovecsAt = addressOf(this.#iovecs.buffer);
    this.#controlAt = addressOf(this.control.buffer);
    const namesAt = addressOf(this.names.buffer);
    for (let i = 0; i < MESSAGES; i++) {
      this.#point(i, MSG_NAME / 4, namesAt + i * NAME_WORDS * 4);
      this.describe(i, i, 1);
    }
  }

  #point(message: number, word: number, address: number): void {
    const at = message * HEADER_WORDS + word;
    this.#headers[at] = address;
    this.#headers[at + 1] = address / 2 ** 32;
  }

  /** Sets which of the iovecs are a message's. */
  describe(message: number, first: number, count: number): void {
    this.#point(message, MSG_IOV / 4, this.#iovecsAt + first * IOVEC_BYTES);
    this.#headers[message * HEADER_WORDS + IOVLEN_WORD] = count;
  }

  /** Sets where an iovec's bytes are, and how many. */
  setPart(part: number, address: number, length: number): void {
    const at = part * IOVEC_WORDS;
    this.#iovecs[at] = address;
    this.#iovecs[at + 1] = address / 2 ** 32;
    this.#iovecs[at + 2] = length;
  }

  /** Sets how long a message's name is, or the room for it. */
  setNameLength(message: number, bytes: number): void {
    this.#headers[message * HEADER_WORDS + NAMELEN_WORD] = bytes;
  }

  /** Sets how long a message's control data is, or the room for it. */
  setControlLength(message: number, bytes: number): void {
    const at = message * HEADER_WORDS;
    if (this.#headers[at + CONTROLLEN_WORD] === bytes) return;
    this.#point(
      message,
      CONTROL_WORD,
      bytes === 0 ? 0 : this.#controlAt + message * CONTROL_WORDS * 4,
    );
    this.#headers[at + CONTROLLEN_WORD] = bytes;
  }

  /** How long a message's control data is. */
  controlLength(message: number): number {
    return this.#headers[message * HEADER_WORDS + CONTROLLEN_WORD]!;
  }

  /** How many bytes a message has brought. */
  lengthOf(message: number): number {
    return this.#headers[message * HEADER_WORDS + LEN_WORD]!;
  }
}
