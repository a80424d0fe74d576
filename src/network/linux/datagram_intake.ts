// What a datagram socket receives: many datagrams with one call.
//
// - What one call has received is handed out at once. Where nothing more is wanted meanwhile, the rest is kept here, and
//   the next calls receive one at a time: a user who takes one after the other leaves the others to the system.
// - A call that brings less than it could has emptied the socket: the loop tells when there is more.

import type { DatagramAddress } from "../datagram_socket.ts";
import type { AddressBook } from "./datagram_address.ts";
import { type DatagramsIn, withDatagramsIn } from "./datagrams_in.ts";
import { EAGAIN, ECONNREFUSED, systemError } from "./errno.ts";
import { MESSAGES } from "./message_memory.ts";

/** Gets a datagram. Returns whether another one is wanted. */
export type Put = (bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress) => boolean;

/** What one datagram socket receives. */
export class DatagramIntake {
  /** Whether a receive may find something. */
  isReadable = true;
  /** Whether the system may tell that the peer has refused something. */
  isConnected = false;
  /** The peer has refused what was sent to it, and no receive has told yet. */
  wasRefused = false;
  readonly #descriptor: number;
  readonly #book: AddressBook;
  /** How many messages the next call receives at most. */
  #batch = 1;
  /** Those that came with the last one that was wanted. */
  #kept: [bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress][] = [];
  #isClosed = false;

  /** @param descriptor An open socket. @param book The addresses of its family. */
  constructor(descriptor: number, book: AddressBook) {
    this.#descriptor = descriptor;
    this.#book = book;
  }

  /** Whether `receive` has something to tell. */
  get mayTell(): boolean {
    return this.isReadable || this.wasRefused || this.#kept.length > 0;
  }

  /** Nothing more is received: `put` may close the socket. */
  close(): void {
    this.#isClosed = true;
    this.#kept = [];
  }

  /** Receives only as many as are taken, from now on. */
  receiveSingly(): void {
    this.#batch = 1;
  }

  /**
   * Hands out what has come.
   *
   * @param most How many datagrams at most.
   * @param put Gets each.
   * @returns How many.
   * @throws {Error} Why nothing can be received.
   */
  receive(most: number, put: Put): number {
    if (this.wasRefused) throw this.#refusal();
    let count = 0;
    let isWanted = true;
    while (this.#kept.length > 0 && count < most && isWanted) {
      const [bytes, from] = this.#kept.shift()!;
      count++;
      isWanted = put(bytes, from);
    }
    if (!isWanted || count === most || !this.isReadable) return count;
    return count + withDatagramsIn((memory) => this.#receiveAll(memory, most - count, count, put));
  }

  /** Receives and hands out. @param before How many datagrams were handed out before. */
  #receiveAll(memory: DatagramsIn, most: number, before: number, put: Put): number {
    let count = 0;
    let isWanted = true;
    while (this.isReadable && count < most && isWanted && !this.#isClosed) {
      const room = Math.min(this.#batch, most - count);
      const messages = this.#receive(memory, room, before + count > 0);
      for (let i = 0; i < messages; i++) {
        const from = memory.from(i, this.#book);
        const length = memory.lengthOf(i);
        const segment = memory.segmentOf(i) || length;
        let at = 0;
        do {
          const bytes = memory.bytesOf(i, at, Math.min(segment, length - at));
          if (isWanted && count < most) {
            count++;
            isWanted = put(bytes, from);
          } else if (!this.#isClosed) {
            this.#kept.push([bytes.slice(), from]);
          }
          at += segment;
        } while (at < length);
      }
      if (this.#kept.length > 0) this.#batch = 1;
      else if (messages === this.#batch) this.#batch = Math.min(this.#batch * 4, MESSAGES);
    }
    return count;
  }

  /** Receives. Returns how many messages came. @param isLater Whether a failure is to be told by the next call. */
  #receive(memory: DatagramsIn, room: number, isLater: boolean): number {
    const received = memory.receive(this.#descriptor, room, this.isConnected);
    if (received === -ECONNREFUSED) {
      this.wasRefused = true;
      if (isLater) return 0;
      throw this.#refusal();
    }
    // A refusal that comes behind a datagram is kept for the next call, and the loop does not tell of it.
    if (received < room && !(received > 0 && this.isConnected)) this.isReadable = false;
    if (received < 0 && received !== -EAGAIN) throw systemError(-received, "recvmmsg");
    return Math.max(received, 0);
  }

  #refusal(): Error {
    this.wasRefused = false;
    return systemError(ECONNREFUSED, "recvmmsg");
  }
}
