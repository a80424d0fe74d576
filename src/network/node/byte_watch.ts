// Tells of bytes on a descriptor, by node:net: Deno's own sockets cannot be made of one.

import { Socket, type SocketConstructorOpts } from "node:net";

/**
 * A read that fills its room is followed by another one, until nothing is there. Then the runtime waits for its look at
 * the system; after a read that has left room it would read again without.
 */
const ROOM_IN_BYTES = 1;

/** Watches a descriptor of a local socket. */
export class ByteWatch {
  readonly #socket: Socket;

  /**
   * @param descriptor Its own from now on. It keeps the program alive.
   * @param onBytes Called when bytes have come; those are gone then.
   * @param onGone Called if it ends in another way than by {@linkcode ByteWatch.close}.
   * @throws {Error} It cannot be watched; the descriptor is still the caller's then.
   */
  constructor(descriptor: number, onBytes: () => void, onGone: () => void) {
    const callback = (): boolean => {
      onBytes();
      return true;
    };
    const options: SocketConstructorOpts = {
      fd: descriptor,
      readable: true,
      writable: false,
      onread: { buffer: new Uint8Array(ROOM_IN_BYTES), callback },
    };
    this.#socket = new Socket(options);
    this.#socket.on("error", onGone).on("close", onGone).resume();
  }

  /** Closes the descriptor, and tells nothing more. */
  close(): void {
    this.#socket.removeAllListeners().on("error", () => {}).destroy();
  }
}
