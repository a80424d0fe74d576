// The blocks of a capture on their way to its file. Who adds one never waits: it is written a moment later, together with
// those that have come meanwhile, and dropped and counted where too many wait or the file has its size.

import { printThrown, tell } from "../base/user_code.ts";
import { brokenError, ignore, type SocketError } from "../base/errors.ts";
import { setupError } from "../base/setup_error.ts";
import type { Clock, TimerId } from "../network/network.ts";
import type { CaptureTarget } from "./capture_file.ts";
import { makePage, type Page } from "./packet.ts";

/** More than any block. */
const PAGE_LENGTH = 256 * 1024;
/** For how long blocks are gathered. A file's write takes as much as several small messages. */
const GATHER_IN_MILLIS = 20;

/** What a queue needs. */
export interface CaptureQueueSettings {
  /** The time it goes by. */
  readonly clock: Clock;
  /** Opens what is written to. */
  readonly open: () => Promise<CaptureTarget>;
  /** What it begins with. */
  readonly head: Uint8Array<ArrayBuffer>;
  /** How many bytes are written in all, at most. */
  readonly maxBytes: number;
  /** How many bytes wait, at most. */
  readonly maxQueuedBytes: number;
  /** Told once, when it cannot be written. */
  readonly onError: ((error: SocketError) => unknown) | undefined;
}

interface Filled {
  readonly page: Page;
  readonly length: number;
}

/** Blocks on their way. */
export class CaptureQueue {
  readonly #settings: CaptureQueueSettings;
  readonly #filled: Filled[] = [];
  #page: Page | undefined;
  #used = 0;
  #spare: Page | undefined;
  #target: Promise<CaptureTarget> | undefined;
  #isOpen = false;
  #writing: Promise<void> | undefined;
  #timer: TimerId | undefined;
  #accepted: number;
  #written = 0;
  #queued = 0;
  #isFull = false;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  #error: SocketError | undefined;

  /** @param settings What it needs. */
  constructor(settings: CaptureQueueSettings) {
    this.#settings = settings;
    this.#accepted = settings.head.length;
    this.#write();
  }

  /** How many bytes were written. */
  get bytes(): number {
    return this.#written;
  }

  /** How many bytes wait. */
  get queuedBytes(): number {
    return this.#queued;
  }

  /** Whether `maxBytes` keeps blocks out. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Why nothing more is written. */
  get error(): SocketError | undefined {
    return this.#error;
  }

  /** Whether nothing more is taken. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Makes room for a block, which must be written there at once.
   *
   * @param length Its bytes, a multiple of four.
   * @returns Where, `undefined` if it is to be dropped.
   */
  reserve(length: number): { readonly page: Page; readonly at: number } | undefined {
    const { maxBytes, maxQueuedBytes } = this.#settings;
    if (this.#isClosed || this.#error !== undefined || this.#isFull) return undefined;
    if (this.#accepted + length > maxBytes) {
      this.#isFull = true;
      return undefined;
    }
    if (this.#queued + length > maxQueuedBytes) return undefined;
    if (this.#page !== undefined && this.#used + length > PAGE_LENGTH) this.#turn();
    if (this.#page === undefined) {
      this.#page = this.#spare ?? makePage(PAGE_LENGTH);
      this.#spare = undefined;
    }
    const at = this.#used;
    this.#used += length;
    this.#queued += length;
    this.#accepted += length;
    if (this.#timer === undefined && this.#writing === undefined) this.#gather();
    return { page: this.#page, at };
  }

  /** Writes what waits, and ends what is written to. Rejects never. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    for (;;) {
      this.#write();
      if (this.#writing === undefined) break;
      await this.#writing;
    }
    const target = await this.#target?.catch(ignore);
    // It may be broken already.
    await target?.close().catch((error) => this.#fail(error));
  }

  #gather(): void {
    this.#timer = this.#settings.clock.setTimeout(() => {
      this.#timer = undefined;
      this.#write();
    }, GATHER_IN_MILLIS);
  }

  /** The page is to be written. */
  #turn(): void {
    this.#filled.push({ page: this.#page!, length: this.#used });
    this.#page = undefined;
    this.#used = 0;
    this.#write();
  }

  /** Writes all that waits, unless that is under way. */
  #write(): void {
    if (this.#writing !== undefined || this.#error !== undefined) return;
    if (this.#used === 0 && this.#filled.length === 0 && this.#target !== undefined) return;
    if (this.#timer !== undefined) this.#settings.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writeAll().catch((error) => this.#fail(error)).then(() => {
      this.#writing = undefined;
      if (this.#used > 0 && !this.#isClosed && this.#timer === undefined) this.#gather();
    });
  }

  async #writeAll(): Promise<void> {
    if (this.#target === undefined) {
      // The caller may still be adding blocks.
      this.#target = Promise.resolve().then(this.#settings.open);
      const { head } = this.#settings;
      const target = await this.#target;
      this.#isOpen = true;
      await target.write(head);
      this.#written += head.length;
      // What has come meanwhile is gathered.
      if (this.#filled.length === 0 && !this.#isClosed) return;
    }
    const target = await this.#target;
    if (this.#filled.length === 0) this.#takePage();
    for (;;) {
      const next = this.#filled.shift();
      if (next === undefined) return;
      const { page, length } = next;
      await target.write(page.bytes.subarray(0, length));
      this.#written += length;
      this.#queued -= length;
      if (target.givesBack) this.#spare ??= page;
    }
  }

  #takePage(): void {
    if (this.#page === undefined || this.#used === 0) return;
    this.#filled.push({ page: this.#page, length: this.#used });
    this.#page = undefined;
    this.#used = 0;
  }

  /** Nothing more is written, and nothing kept. */
  #fail(cause: unknown): void {
    if (this.#error !== undefined) return;
    // Where it was never opened, a permission may be missing.
    const errorFor = this.#isOpen ? brokenError : setupError;
    this.#error = errorFor("Cannot write the capture", cause);
    this.#filled.length = this.#used = this.#queued = 0;
    this.#page = this.#spare = undefined;
    tell(this.#settings.onError ?? printThrown, this.#error);
    // A file whose disk is full is open still.
    if (!this.#isClosed) void this.#target?.then((target) => target.close()).catch(ignore);
  }
}
