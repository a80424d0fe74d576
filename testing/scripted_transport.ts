// A transport that plays a script, records what is sent, and watches how it is used.
//
// It detects what a real kernel would punish one time in a thousand: two reads at once, two writes at once,
// content that is changed while it is being written, and a read into memory that another holds.

import type { Clock, Transport } from "../src/network/network.ts";
import { denoNetwork } from "../src/network/deno/deno_network.ts";
import type { NetworkAddress } from "../src/base/address.ts";
import { checkBoolean, checkInteger, checkMethods, contentBytes } from "../src/base/arguments.ts";
import { optionNames, readList, readOptions } from "../src/base/options.ts";
import { END, Script, Step } from "./script.ts";

/** What a scripted transport is made of, besides what it says. */
export interface ScriptedTransportOptions {
  /**
   * What each write does: a number takes at most that many bytes, a step fails or waits. After the last step, every
   * write is taken whole.
   *
   * @default []
   */
  readonly writes?: readonly (number | Step)[];
  /**
   * Whether it can be read and written without a promise, too: `tryRead`, `whenReadable` and `tryWrite`.
   *
   * @default {false}
   */
  readonly canTry?: boolean;
  /**
   * What pauses go by.
   *
   * @default Deno's clock
   */
  readonly clock?: Clock;
  /**
   * This end's address.
   *
   * @default 127.0.0.1, port 40000
   */
  readonly localAddr?: NetworkAddress;
  /**
   * The peer's address.
   *
   * @default 127.0.0.1, port 50000
   */
  readonly remoteAddr?: NetworkAddress;
}

/**
 * A {@linkcode Transport} whose peer is a script.
 *
 * Errors are of the classes that Deno throws. Wrong use is recorded in
 * {@linkcode ScriptedTransport.violations} and thrown at the end of a `using` block.
 */
export interface ScriptedTransport extends Transport, Disposable {
  /** Everything written so far, in one piece. */
  readonly written: Uint8Array<ArrayBuffer>;
  /** The same as text. */
  readonly writtenText: string;
  /** What each write took, in order. */
  readonly writes: readonly Uint8Array<ArrayBuffer>[];
  /**
   * Every call so far: `"read 2048"`, `"write 5"`, `"closeWrite"`, `"close"`, `"reset"`, `"setNoDelay true"`, and
   * `"whenReadable"`, `"tryRead 2048"`, `"tryWrite 5"`.
   */
  readonly calls: readonly string[];
  /** What was done wrong: two reads at once, a read into memory that was handed out or transferred, ... */
  readonly violations: readonly string[];
  /** Whether `close` or `reset` was called. */
  readonly isClosed: boolean;
  /** Whether a read waits right now. */
  readonly isReading: boolean;
  /** Adds steps at the end of the script, also while a read waits in a silence. */
  say(...steps: (string | Uint8Array | Step)[]): void;
  /** Declares that these bytes belong to the reader from now on: no read may be under way in their memory. */
  handOut(bytes: Uint8Array): void;
  /** Frees the stream with a reset. */
  reset(): void;
}

/**
 * Makes a transport that plays a script to its reads. A string is sent as UTF-8. One read gets one step at
 * most, cut where its buffer ends; after the last step the stream has ended.
 *
 * @param script Content, and what happens between.
 * @param options What writes do, addresses, clock.
 * @throws {TypeError | RangeError} A step is neither content nor a step, or an option is wrong.
 * @example Two bytes, then a reset
 * ```ts
 * import { reset, scriptedTransport } from "socket/testing/mod.ts";
 *
 * using peer = scriptedTransport(["ab", reset()]);
 * const buffer = new Uint8Array(16);
 * console.assert(await peer.read(buffer) === 2);
 * const error = await peer.read(buffer).catch((error) => error);
 * console.assert(error instanceof Deno.errors.ConnectionReset);
 * peer.close();
 * ```
 */
export function scriptedTransport(
  script?: readonly (string | Uint8Array | Step)[],
  options?: ScriptedTransportOptions,
): ScriptedTransport;
export function scriptedTransport(
  script: readonly (string | Uint8Array | Step)[] = [],
  options: ScriptedTransportOptions = {},
): ScriptedTransport {
  const given = readOptions<ScriptedTransportOptions>("options", options, OPTIONS);
  return new ScriptedTransportEnd(script, given);
}

const OPTIONS = optionNames<ScriptedTransportOptions>({
  writes: true,
  canTry: true,
  clock: true,
  localAddr: true,
  remoteAddr: true,
});

const HERE: NetworkAddress = { transport: "tcp", hostname: "127.0.0.1", port: 40_000 };
const THERE: NetworkAddress = { transport: "tcp", hostname: "127.0.0.1", port: 50_000 };

class ScriptedTransportEnd implements ScriptedTransport {
  readonly localAddr: NetworkAddress;
  readonly remoteAddr: NetworkAddress;
  readonly writes: Uint8Array<ArrayBuffer>[] = [];
  readonly calls: string[] = [];
  readonly violations: string[] = [];
  readonly #reads: Script<Uint8Array>;
  readonly #taking: Script<number>;
  readonly #handedOut: WeakSet<ArrayBufferLike> = new WeakSet();
  readonly tryRead?: (buffer: Uint8Array) => number | null | undefined;
  readonly whenReadable?: (callback: () => void) => void;
  readonly tryWrite?: (bytes: Uint8Array) => number | undefined;
  #readingInto: Uint8Array | undefined;
  #isAwaited = false;
  #isWriting = false;
  #isClosed = false;
  #hasEnded = false;

  constructor(script: readonly (string | Uint8Array | Step)[], options: ScriptedTransportOptions) {
    const {
      clock = denoNetwork.clock,
      localAddr = HERE,
      remoteAddr = THERE,
      writes = [],
      canTry = false,
    } = options;
    checkMethods("clock", clock, "now", "setTimeout", "clearTimeout");
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    const steps = readList("script", script) as typeof script;
    this.#reads = new Script(steps.map(toBytes), clock, "script", () => {});
    this.#taking = new Script(writes, clock, "writes", (most) => {
      checkInteger("Each of writes", most, 1);
    });
    if (!checkBoolean("canTry", canTry)) return;
    this.tryRead = (buffer) => this.#tryRead(buffer);
    this.whenReadable = (callback) => this.#whenReadable(callback);
    this.tryWrite = (bytes) => this.#tryWrite(bytes);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isReading(): boolean {
    return this.#readingInto !== undefined || this.#isAwaited;
  }

  get written(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.writes.reduce((sum, bytes) => sum + bytes.length, 0));
    let offset = 0;
    for (const bytes of this.writes) {
      whole.set(bytes, offset);
      offset += bytes.length;
    }
    return whole;
  }

  get writtenText(): string {
    return new TextDecoder().decode(this.written);
  }

  say(...steps: (string | Uint8Array | Step)[]): void {
    this.#reads.say(...steps.map(toBytes));
  }

  handOut(bytes: Uint8Array): void {
    this.#handedOut.add(bytes.buffer);
    if (this.#readingInto?.buffer === bytes.buffer) {
      this.#violation("Cannot hand out bytes: a read is under way in their memory");
    }
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    this.calls.push(`read ${buffer.length}`);
    this.#checkRead(buffer);
    if (buffer.length === 0) return 0;
    this.#readingInto = buffer;
    try {
      let bytes = await this.#reads.next();
      while (bytes !== END && bytes.length === 0) bytes = await this.#reads.next();
      if (bytes === END) return null;
      if (isDetached(buffer)) {
        throw this.#violation("Cannot read: the buffer was transferred away during the read");
      }
      return this.#fill(buffer, bytes);
    } finally {
      this.#readingInto = undefined;
    }
  }

  #checkRead(buffer: Uint8Array): void {
    this.#checkOpen();
    if (this.isReading) throw this.#violation("Cannot read: a read is under way");
    if (isDetached(buffer)) throw this.#violation("Cannot read: the buffer was transferred away");
    if (this.#handedOut.has(buffer.buffer)) {
      throw this.#violation("Cannot read: the buffer's memory was handed out");
    }
  }

  #fill(buffer: Uint8Array, bytes: Uint8Array): number {
    if (bytes.length > buffer.length) this.#reads.putBack(bytes.subarray(buffer.length));
    const length = Math.min(bytes.length, buffer.length);
    buffer.set(bytes.subarray(0, length));
    return length;
  }

  #tryRead(buffer: Uint8Array): number | null | undefined {
    this.calls.push(`tryRead ${buffer.length}`);
    this.#checkRead(buffer);
    if (buffer.length === 0) return 0;
    let bytes = this.#reads.now();
    while (bytes !== END && bytes?.length === 0) bytes = this.#reads.now();
    if (bytes === undefined) return undefined;
    return bytes === END ? null : this.#fill(buffer, bytes);
  }

  #whenReadable(callback: () => void): void {
    this.calls.push("whenReadable");
    this.#checkOpen();
    if (this.isReading) throw this.#violation("Cannot wait: a read is under way");
    this.#isAwaited = true;
    this.#reads.ready().then(() => {
      this.#isAwaited = false;
      if (!this.#isClosed) callback();
    }, () => {});
  }

  #tryWrite(bytes: Uint8Array): number | undefined {
    this.calls.push(`tryWrite ${bytes.length}`);
    this.#checkWrite();
    if (bytes.length === 0) return 0;
    const most = this.#taking.now();
    if (most === undefined) return undefined;
    const length = most === END ? bytes.length : Math.min(most, bytes.length);
    this.writes.push(bytes.slice(0, length));
    return length;
  }

  #checkWrite(): void {
    this.#checkOpen();
    if (this.#isWriting) throw this.#violation("Cannot write: a write is under way");
    if (this.#hasEnded) throw new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.calls.push(`write ${bytes.length}`);
    this.#checkWrite();
    if (bytes.length === 0) return 0;
    const content = bytes.slice();
    this.#isWriting = true;
    try {
      const most = await this.#taking.next();
      const length = most === END ? content.length : Math.min(most, content.length);
      if (!isEqual(bytes, content)) {
        throw this.#violation("Cannot write: the content was changed during the write");
      }
      this.writes.push(content.slice(0, length));
      return length;
    } finally {
      this.#isWriting = false;
    }
  }

  closeWrite(): Promise<void> {
    this.calls.push("closeWrite");
    if (this.#isClosed) return Promise.reject(badResource());
    this.#hasEnded = true;
    return Promise.resolve();
  }

  close(): void {
    this.calls.push("close");
    this.#free();
  }

  reset(): void {
    this.calls.push("reset");
    this.#free();
  }

  setNoDelay(on: boolean): void {
    this.calls.push(`setNoDelay ${on}`);
    this.#checkOpen();
  }

  [Symbol.dispose](): void {
    if (this.violations.length > 0) throw new Error(this.violations.join("; "));
  }

  #free(): void {
    this.#checkOpen();
    this.#isClosed = true;
    const interrupted = new Deno.errors.Interrupted("operation canceled");
    this.#reads.stop(interrupted);
    this.#taking.stop(interrupted);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw badResource();
  }

  #violation(what: string): Error {
    this.violations.push(what);
    return new Error(what);
  }
}

function badResource(): Error {
  return new Deno.errors.BadResource("Bad resource ID");
}

function toBytes(step: string | Uint8Array | Step): Uint8Array | Step {
  return step instanceof Step ? step : contentBytes(step, "Each step of the script");
}

/** An array whose buffer was transferred has length 0. */
function isDetached(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof ArrayBuffer && bytes.buffer.detached;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
