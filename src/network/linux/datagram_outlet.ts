// What a datagram socket sends: many datagrams with one call.

import type { OutgoingDatagram } from "../datagram_socket.ts";
import { denoNetwork } from "../deno/deno_network.ts";
import type { AddressBook, LinuxDatagramAddress } from "./datagram_address.ts";
import { datagramsOut } from "./datagrams_out.ts";
import { EAGAIN, EMSGSIZE, systemError } from "./errno.ts";

/** A datagram that the system has no room for yet. */
interface WaitingSend {
  readonly datagrams: readonly [OutgoingDatagram];
  readonly isAllowed: boolean;
  readonly sent: PromiseWithResolvers<number>;
}

/** What one datagram socket sends. */
export class DatagramOutlet {
  /** Whether the system may tell that the peer has refused something. */
  isConnected = false;
  /** The one peer that the socket can send to, until `onStuck` was called. */
  onlyPeer: LinuxDatagramAddress | undefined;
  readonly #descriptor: number;
  readonly #book: AddressBook;
  readonly #onRefused: () => void;
  readonly #onStuck: () => void;
  /** Whether several datagrams may leave as one message. */
  #joins = true;
  #waiting: WaitingSend[] = [];

  /**
   * @param descriptor An open socket.
   * @param book The addresses of its family.
   * @param onRefused Called when the system tells that the peer has refused an earlier datagram.
   * @param onStuck Called before others than the only peer are sent to, and where that one cannot be reached from the
   * address that the system had chosen for it.
   */
  constructor(
    descriptor: number,
    book: AddressBook,
    onRefused: () => void,
    onStuck: () => void,
  ) {
    this.#descriptor = descriptor;
    this.#book = book;
    this.#onRefused = onRefused;
    this.#onStuck = onStuck;
  }

  /** Whether datagrams wait until the system has room. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Waits until the system has room for a datagram; the arguments are those of `send`. */
  wait(datagrams: readonly [OutgoingDatagram], isAllowed: boolean): Promise<number> {
    const sent = Promise.withResolvers<number>();
    this.#waiting.push({ datagrams, isAllowed, sent });
    return sent.promise;
  }

  /** The system may have room again. */
  sendWaiting(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      try {
        if (this.send(next.datagrams, 0, next.isAllowed) === 0) return;
        next.sent.resolve(next.datagrams[0].bytes.length);
      } catch (error) {
        next.sent.reject(error);
      }
      this.#waiting.shift();
    }
  }

  /** Gives up those that wait. */
  close(error: Error): void {
    for (const { sent } of this.#waiting.splice(0)) sent.reject(error);
  }

  /**
   * Sends as many as the system has room for.
   *
   * @param first The index of the first one.
   * @param isAllowed Whether they go to what a name has led to that may be used: no permission is asked for.
   * @returns How many were sent.
   * @throws {Error} Why the first one cannot be sent.
   */
  send(datagrams: readonly OutgoingDatagram[], first: number, isAllowed: boolean): number {
    const now = isAllowed ? -Infinity : denoNetwork.clock.now();
    let done = first;
    while (done < datagrams.length) {
      try {
        // A name has to be looked up.
        if (this.#add(datagrams, done, now) === 0) break;
      } catch (error) {
        if (done === first) throw error;
        break;
      }
      const sent = this.#send();
      if (sent >= 0) done += sent;
      else if (sent === -EAGAIN || done > first) break;
      else throw systemError(-sent, "sendmmsg");
    }
    return done - first;
  }

  /** Adds datagrams up to one that cannot be sent. */
  #add(datagrams: readonly OutgoingDatagram[], first: number, now: number): number {
    const out = datagramsOut();
    out.clear();
    let next = first;
    for (; next < datagrams.length && out.room > 0; next++) {
      const { bytes, target } = datagrams[next]!;
      try {
        const to = this.#book.of(target);
        if (to === undefined) break;
        to.requirePermission(now);
        if (this.onlyPeer !== undefined && !to.reaches(this.onlyPeer)) this.#onStuck();
        out.add(bytes, to, this.#joins);
      } catch (error) {
        if (next === first) throw error;
        break;
      }
    }
    return next - first;
  }

  #send(): number {
    const out = datagramsOut();
    const sent = out.send(this.#descriptor, this.isConnected);
    if (out.wasRefused) this.#onRefused();
    if (sent >= 0 || sent === -EAGAIN) return sent;
    if (!out.beginsJoined) {
      if (this.onlyPeer === undefined || sent === -EMSGSIZE) return sent;
      this.#onStuck();
      return 0;
    }
    // 0: they are tried again. The path, the network card or the kernel cannot do it: each leaves by itself from now on.
    this.#joins = false;
    return 0;
  }
}
