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

interface Receiving {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly resolve: (result: [Uint8Array<ArrayBuffer>, DatagramAddress]) => void;
  readonly reject: (error: Error) => void;
}

/** A datagram socket of a simulated host. */
export class SimulatedDatagramSocket implements DatagramSocket {
  readonly addr: DatagramAddress;
  readonly #world: World;
  readonly #route: (datagram: Datagram, hostname: string, port: number) => void;
  readonly #unbind: () => void;
  readonly #arrived: Datagram[] = [];
  readonly #receiving: Receiving[] = [];
  #sending: (() => void)[] = [];
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
  }

  /** Whether what is sent to that address of its host arrives here. */
  isOn(address: string): boolean {
    const { hostname } = this.addr;
    return hostname === address || hostname === "0.0.0.0" || hostname === "::";
  }

  /** Describes it and what waits on it. */
  describe(): string {
    const receive = this.#receiving.length === 0 ? "" : ", a receive waits";
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
  }

  receive(buffer: Uint8Array<ArrayBuffer>): Promise<[Uint8Array<ArrayBuffer>, DatagramAddress]> {
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
        if (this.#isClosed) return reject(badResource("Socket has been closed"));
        if (bytes.length > LARGEST_DATAGRAM) return reject(messageTooLong());
        const content = bytes.slice();
        this.#world.note(`send :${this.addr.port} ${content.length} ${fingerprint(content)}`);
        try {
          this.#route({ bytes: content, from: this.addr }, address.hostname, address.port);
        } catch (error) {
          return reject(error as Error);
        }
        resolve(content.length);
      });
      if (this.#sending.length === 1) this.#world.after(0, () => this.#sendAll());
    });
  }

  close(): void {
    if (this.#isClosed) throw badResource("Socket has been closed");
    this.#world.note(`close datagrams :${this.addr.port}`);
    this.#isClosed = true;
    this.#unbind();
    for (const { reject } of this.#receiving.splice(0)) reject(interrupted());
  }

  #sendAll(): void {
    const sending = this.#sending.reverse();
    this.#sending = [];
    for (const send of sending) send();
  }

  #serve(): void {
    while (this.#receiving.length > 0 && this.#arrived.length > 0) {
      const { buffer, resolve, reject } = this.#receiving.pop()!;
      const { bytes, from } = this.#arrived.shift()!;
      this.#bytesArrived -= bytes.length;
      if (buffer.buffer.detached) {
        reject(this.#world.violation(`datagrams :${this.addr.port}: detached a buffer`));
        continue;
      }
      const length = Math.min(bytes.length, buffer.length);
      buffer.set(bytes.subarray(0, length));
      resolve([buffer.subarray(0, length), from]);
    }
  }
}
