// Two transports joined in memory. No time passes between them: what one writes the other can read at once.
//
// Ends behave as the kernel's, where it matters above: closing with unread input destroys what the peer has not read;
// the first write to a peer that has closed still passes.

import { ByteQueue } from "../src/bytes/byte_queue.ts";
import type { Transport } from "../src/network/network.ts";
import type { NetworkAddress } from "../src/base/address.ts";
import { checkBoolean, checkInteger } from "../src/base/arguments.ts";
import { optionNames, readOptions } from "../src/base/options.ts";

/** How two joined transports behave. */
export interface ConnectedTransportsOptions {
  /**
   * How many bytes each direction holds until they are read; a write waits while there is no room. From 1.
   *
   * @default 65536
   */
  readonly capacity?: number;
  /**
   * Whether they can be read and written without a promise, too: `tryRead`, `whenReadable` and `tryWrite`.
   *
   * @default {false}
   */
  readonly canTry?: boolean;
}

const OPTIONS = optionNames<ConnectedTransportsOptions>({ capacity: true, canTry: true });

/** One direction: what has been written and not yet read. */
class Pipe {
  readonly queue = new ByteQueue();
  /** The writer has ended it. */
  hasEnded = false;
  /** The reader is gone: what is written is lost. */
  isAbandoned = false;
  /** What every read and write gets from now on. */
  failure: Error | undefined;
  readonly #capacity: number;
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get room(): number {
    return this.#capacity - this.queue.length;
  }

  /** Waits for bytes, room, an end or a failure. */
  changed(): Promise<void> {
    return this.#changed.promise;
  }

  wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

class JoinedTransport implements Transport {
  readonly localAddr: NetworkAddress;
  readonly remoteAddr: NetworkAddress;
  readonly tryRead?: (buffer: Uint8Array) => number | null | undefined;
  readonly whenReadable?: (callback: () => void) => void;
  readonly tryWrite?: (bytes: Uint8Array) => number | undefined;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  #isClosed = false;
  #isReading = false;
  #isWriting = false;
  #hasWrittenToAbandoned = false;

  constructor(
    incoming: Pipe,
    outgoing: Pipe,
    local: NetworkAddress,
    remote: NetworkAddress,
    canTry: boolean,
  ) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.localAddr = local;
    this.remoteAddr = remote;
    if (!canTry) return;
    this.tryRead = (buffer) => this.#tryRead(buffer);
    this.whenReadable = (callback) => this.#whenReadable(callback);
    this.tryWrite = (bytes) => this.#tryWrite(bytes);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    let count = this.#tryRead(buffer);
    this.#isReading = true;
    try {
      while (count === undefined) {
        await this.#incoming.changed();
        if (this.#isClosed) throw new Deno.errors.Interrupted("operation canceled");
        count = this.#readNow(buffer);
      }
      return count;
    } finally {
      this.#isReading = false;
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    let count = this.#tryWrite(bytes);
    this.#isWriting = true;
    try {
      while (count === undefined) {
        await this.#outgoing.changed();
        if (this.#isClosed) throw new Deno.errors.Interrupted("operation canceled");
        count = this.#writeNow(bytes);
      }
      return count;
    } finally {
      this.#isWriting = false;
    }
  }

  #tryRead(buffer: Uint8Array): number | null | undefined {
    this.#checkOpen();
    if (this.#isReading) throw new Deno.errors.Busy("Another read is under way");
    return buffer.length === 0 ? 0 : this.#readNow(buffer);
  }

  #tryWrite(bytes: Uint8Array): number | undefined {
    this.#checkOpen();
    if (this.#isWriting) throw new Deno.errors.Busy("Another write is under way");
    return bytes.length === 0 ? 0 : this.#writeNow(bytes);
  }

  #whenReadable(callback: () => void): void {
    const { queue } = this.#incoming;
    const look = () => {
      if (this.#isClosed) return;
      const { hasEnded, failure } = this.#incoming;
      if (queue.length > 0 || hasEnded || failure !== undefined) callback();
      else void this.#incoming.changed().then(look);
    };
    queueMicrotask(look);
  }

  #readNow(buffer: Uint8Array): number | null | undefined {
    const { queue, failure, hasEnded } = this.#incoming;
    if (failure !== undefined) throw failure;
    if (queue.length === 0) return hasEnded ? null : undefined;
    const length = Math.min(queue.length, buffer.length);
    buffer.set(queue.take(length));
    this.#incoming.wake();
    return length;
  }

  #writeNow(bytes: Uint8Array): number | undefined {
    if (this.#outgoing.failure !== undefined) throw this.#outgoing.failure;
    if (this.#outgoing.hasEnded || this.#hasWrittenToAbandoned) throw brokenPipe();
    if (this.#outgoing.isAbandoned) {
      this.#hasWrittenToAbandoned = true;
      return bytes.length;
    }
    const length = Math.min(bytes.length, this.#outgoing.room);
    if (length <= 0) return undefined;
    this.#outgoing.queue.push(bytes.slice(0, length));
    this.#outgoing.wake();
    return length;
  }

  closeWrite(): Promise<void> {
    if (this.#isClosed) return Promise.reject(badResource());
    this.#outgoing.hasEnded = true;
    this.#outgoing.wake();
    return Promise.resolve();
  }

  close(): void {
    this.#checkOpen();
    this.#free(this.#incoming.queue.length > 0);
  }

  reset(): void {
    this.#checkOpen();
    this.#free(true);
  }

  setNoDelay(_on: boolean): void {
    this.#checkOpen();
  }

  #free(withReset: boolean): void {
    this.#isClosed = true;
    this.#incoming.isAbandoned = true;
    this.#incoming.queue.clear();
    if (withReset) {
      this.#outgoing.queue.clear();
      this.#outgoing.failure = new Deno.errors.ConnectionReset(
        "Connection reset by peer (os error 104)",
      );
      this.#incoming.failure = brokenPipe();
    } else {
      this.#outgoing.hasEnded = true;
    }
    this.#incoming.wake();
    this.#outgoing.wake();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw badResource();
  }
}

/**
 * Joins two transports in memory: what is written to one is read from the other.
 *
 * @param options How much each direction holds.
 * @returns Both ends.
 * @throws {TypeError | RangeError} An option is misspelled or wrong.
 */
export function connectedTransports(
  options?: ConnectedTransportsOptions,
): [a: Transport, b: Transport];
export function connectedTransports(
  options: ConnectedTransportsOptions = {},
): [a: Transport, b: Transport] {
  const { capacity = 65_536, canTry = false } = readOptions<ConnectedTransportsOptions>(
    "options",
    options,
    OPTIONS,
  );
  checkInteger("capacity", capacity, 1);
  checkBoolean("canTry", canTry);
  const [there, back] = [new Pipe(capacity), new Pipe(capacity)];
  const [addressOfA, addressOfB] = [address(40_000), address(50_000)];
  return [
    new JoinedTransport(back, there, addressOfA, addressOfB, canTry),
    new JoinedTransport(there, back, addressOfB, addressOfA, canTry),
  ];
}

function address(port: number): NetworkAddress {
  return { transport: "tcp", hostname: "127.0.0.1", port };
}

function badResource(): Error {
  return new Deno.errors.BadResource("Bad resource ID");
}

function brokenPipe(): Error {
  return new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
}
