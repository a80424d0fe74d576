// A datagram socket of a simulated host.
//
// Two habits of the runtime are simulated because programs trip over them: sends that begin together leave in reverse
// order and read their bytes late, and of several receives the last one gets the first datagram.

import type { DatagramAddress, DatagramSocket } from "../src/network/network.ts";
import { badResource, interrupted, messageTooLong } from "./system_errors.ts";
import { fingerprint } from "./trace.ts";
import type { World } from "./world.ts";

const LARGEST_DATAGRAM = 65_507;

/** A datagram that has arrived, and from where. */
export interface Datagram {
  /** Its content. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its sender. */
  readonly from: DatagramAddress;
}

/** What a receive gives. */
type Received = [Uint8Array<ArrayBuffer>, DatagramAddress];

interface Receiving {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly resolve: (result: Received) => void;
  readonly reject: (error: Error) => void;
}

/** A datagram socket of a simulated host. */
export class SimulatedDatagramSocket implements DatagramSocket {
  readonly addr: DatagramAddress;
  readonly tryReceive?: (buffer: Uint8Array<ArrayBuffer>) => Received | undefined;
  readonly whenReadable?: (callback: () => void) => void;
  readonly trySend?: (bytes: Uint8Array, address: DatagramAddress) => number | undefined;
  readonly #world: World;
  readonly #route: (datagram: Datagram, hostname: string, port: number) => void;
  readonly #unbind: () => void;
  readonly #arrived: Datagram[] = [];
  readonly #receiving: Receiving[] = [];
  #sending: (() => void)[] = [];
  #onReadable: (() => void) | undefined;
  #bytesArrived = 0;
  #isClosed = false;

  constructor(
    world: World,
    addr: DatagramAddress,
    route: (datagram: Datagram, hostname: string, port: number) => void,
    unbind: () => void,
  ) {
    this.#world = world;
    this.addr = addr;
    this.#route = route;
    this.#unbind = unbind;
    if (!world.canTry) return;
    this.tryReceive = (buffer) => this.#tryReceive(buffer);
    this.whenReadable = (callback) => this.#whenReadable(callback);
    this.trySend = (bytes, address) => this.#trySend(bytes, address);
  }

  /** Describes it and what waits on it. */
  describe(): string {
    const waits = this.#receiving.length > 0 || this.#onReadable !== undefined;
    const receive = waits ? ", a receive waits" : "";
    return `datagram socket ${this.addr.hostname}:${this.addr.port} is open${receive}`;
  }

  /** Takes what arrives, while there is room. */
  deliver(datagram: Datagram): void {
    const { length } = datagram.bytes;
    const isFull = this.#bytesArrived + length > this.#world.faults.datagramBufferInBytes;
    this.#world.note(`datagram to :${this.addr.port} ${length}${isFull ? " dropped" : ""}`);
    if (isFull) return;
    this.#arrived.push(datagram);
    this.#bytesArrived += length;
    this.#serve();
    this.#serveAwaited();
  }

  receive(buffer: Uint8Array<ArrayBuffer>): Promise<Received> {
    if (this.#isClosed) return Promise.reject(badResource("Socket has been closed"));
    return new Promise((resolve, reject) => {
      this.#receiving.push({ buffer, resolve, reject });
      this.#serve();
    });
  }

  send(bytes: Uint8Array, address: DatagramAddress): Promise<number> {
    if (this.#isClosed) return Promise.reject(badResource("Socket has been closed"));
    return new Promise((resolve, reject) => {
      this.#sending.push(() => {
        try {
          resolve(this.#sendNow(bytes, address));
        } catch (error) {
          reject(error);
        }
      });
      if (this.#sending.length === 1) this.#world.after(0, () => this.#sendAll());
    });
  }

  close(): void {
    if (this.#isClosed) throw badResource("Socket has been closed");
    this.#world.note(`close datagrams :${this.addr.port}`);
    this.#isClosed = true;
    this.#unbind();
    this.#onReadable = undefined;
    for (const { reject } of this.#receiving.splice(0)) reject(interrupted());
  }

  #tryReceive(buffer: Uint8Array<ArrayBuffer>): Received | undefined {
    this.#checkOpen();
    return this.#arrived.length === 0 ? undefined : this.#takeInto(buffer);
  }

  #whenReadable(callback: () => void): void {
    this.#checkOpen();
    if (this.#onReadable !== undefined) {
      throw this.#world.violation(`datagrams :${this.addr.port}: two waits for a datagram`);
    }
    this.#onReadable = callback;
    this.#serveAwaited();
  }

  #trySend(bytes: Uint8Array, address: DatagramAddress): number | undefined {
    this.#checkOpen();
    // Those before it have not left yet.
    return this.#sending.length > 0 ? undefined : this.#sendNow(bytes, address);
  }

  #sendNow(bytes: Uint8Array, address: DatagramAddress): number {
    this.#checkOpen();
    if (bytes.length > LARGEST_DATAGRAM) throw messageTooLong();
    const content = bytes.slice();
    this.#world.note(`send :${this.addr.port} ${content.length} ${fingerprint(content)}`);
    this.#route({ bytes: content, from: this.addr }, address.hostname, address.port);
    return content.length;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw badResource("Socket has been closed");
  }

  #serveAwaited(): void {
    const callback = this.#onReadable;
    if (callback === undefined || this.#arrived.length === 0) return;
    // Never before the call has returned that asked for it. Only the first of several such reactions tells.
    queueMicrotask(() => {
      if (this.#onReadable !== callback || this.#arrived.length === 0) return;
      this.#onReadable = undefined;
      callback();
    });
  }

  #sendAll(): void {
    const sending = this.#sending.reverse();
    this.#sending = [];
    for (const send of sending) send();
  }

  #serve(): void {
    while (this.#receiving.length > 0 && this.#arrived.length > 0) {
      const { buffer, resolve, reject } = this.#receiving.pop()!;
      try {
        resolve(this.#takeInto(buffer));
      } catch (error) {
        reject(error as Error);
      }
    }
  }

  #takeInto(buffer: Uint8Array<ArrayBuffer>): Received {
    const { bytes, from } = this.#arrived.shift()!;
    this.#bytesArrived -= bytes.length;
    if (buffer.buffer.detached) {
      throw this.#world.violation(`datagrams :${this.addr.port}: detached a buffer`);
    }
    const length = Math.min(bytes.length, buffer.length);
    buffer.set(bytes.subarray(0, length));
    return [buffer.subarray(0, length), from];
  }
}
