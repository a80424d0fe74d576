// What every check of the conformance kit gets: two joined transports, their clock, and assertions.
//
// The kit is for users too, so it stands on nothing but this library.

import { Connection } from "../../src/connection/connection.ts";
import type { ConnectionConfig } from "../../src/connection/connection_config.ts";
import type { SocketError } from "../../src/base/errors.ts";
import type { Clock, Transport } from "../../src/network/network.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { plainTurns } from "../../src/network/turns.ts";

/** Two ends of one stream, as the maker of a transport gives them to the kit. */
export interface TransportPair {
  /** One end. */
  readonly near: Transport;
  /** The other end. */
  readonly far: Transport;
  /**
   * The time they go by.
   *
   * @default Deno's clock
   */
  readonly clock?: Clock;
}

/** One check of a transport. */
export interface Check {
  /** The member that is checked and its promise, in words. */
  readonly name: string;
  /** What a transport must be able to do for it; else the check is skipped. */
  readonly needs?: "halfClose" | "reset" | "canTry";
  /** Throws where the promise is broken. */
  readonly run: (trial: Trial) => Promise<void>;
}

/** No check sends more than that to one who reads to the end, or lets it wait. */
const MUST_END_BEFORE = 64 * 1024 * 1024;

/** For how long something that should wait is watched. */
const WATCHED_IN_MILLIS = 30;

/** Two joined transports under check. */
export class Trial {
  readonly near: Transport;
  readonly far: Transport;
  readonly clock: Clock;
  readonly #connections: Connection[] = [];

  constructor({ near, far, clock = denoNetwork.clock }: TransportPair) {
    this.near = near;
    this.far = far;
    this.clock = clock;
  }

  /** The two ends as connections; the transports must not be used any more. */
  connect(config: ConnectionConfig = {}): [near: Connection, far: Connection] {
    // Turns of the real event loop take real time, which a clock of the pair's own does not wait for.
    const turns = this.clock === denoNetwork.clock ? denoNetwork.turns! : plainTurns;
    const network = { ...denoNetwork, clock: this.clock, turns };
    const near = new Connection(this.near, { network, ...config });
    const far = new Connection(this.far, { network, ...config });
    this.#connections.push(near, far);
    return [near, far];
  }

  /** Waits. */
  delay(delayInMillis: number): Promise<void> {
    return new Promise((resolve) => void this.clock.setTimeout(resolve, delayInMillis));
  }

  /** Whether a promise is still waiting after a while. */
  async isWaiting(promise: Promise<unknown>): Promise<boolean> {
    const { promise: watched, resolve } = Promise.withResolvers<boolean>();
    const timer = this.clock.setTimeout(() => resolve(true), WATCHED_IN_MILLIS);
    promise.then(() => resolve(false), () => resolve(false));
    const isWaiting = await watched;
    this.clock.clearTimeout(timer);
    return isWaiting;
  }

  /** Frees everything that the check did not free. */
  end(): void {
    for (const connection of this.#connections) connection.abort("the check is over");
    for (const transport of [this.near, this.far]) {
      try {
        transport.close();
      } catch { /* closed before */ }
    }
  }
}

/**
 * Marks what a check begins and awaits later. Where the check fails before, this rejects at its end, and as an unhandled
 * rejection would cancel all tests behind it.
 */
export function begun<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Throws unless the condition holds. */
export function ensure(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new Error(otherwise);
}

/** Throws unless these are the same bytes. */
export function ensureBytes(actual: Uint8Array, expected: Uint8Array): void {
  ensure(
    actual.length === expected.length,
    `Expected ${expected.length} bytes, got ${actual.length}`,
  );
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  ensure(at < 0, `Expected byte ${expected[at]} at ${at}, got ${actual[at]}`);
}

/** What a promise rejects with; throws when it resolves. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  const resolved = {};
  const result = await promise.then(() => resolved, (error) => error);
  ensure(result !== resolved, "Expected a rejection, but it resolved");
  return result;
}

/** Throws unless a promise rejects with a `SocketError` of that code. */
export async function ensureRejects(promise: Promise<unknown>, code: string): Promise<SocketError> {
  const error = await rejectionOf(promise) as SocketError;
  ensure(error?.code === code, `Expected an error with code "${code}", got ${Deno.inspect(error)}`);
  return error;
}

/** Bytes that show their place in the stream. */
export function numbered(length: number, from = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  // 251 is prime: no cut at a power of two looks like another.
  for (let i = 0; i < length; i++) bytes[i] = (from + i) % 251;
  return bytes;
}

/** Throws unless a write of so many bytes, which are more than none, may give that count. */
export function ensureWritten(count: number, length: number): void {
  ensure(
    Number.isInteger(count) && count >= 1 && count <= length,
    `write() of ${length} bytes gave ${count}`,
  );
}

/** Writes all of it to a transport. */
export async function writeAll(to: Transport, bytes: Uint8Array): Promise<void> {
  while (bytes.length > 0) {
    const count = await to.write(bytes);
    ensureWritten(count, bytes.length);
    bytes = bytes.subarray(count);
  }
}

/** Reads that many bytes from a transport, or to its end. */
export async function readAll(
  from: Transport,
  length = Infinity,
  size = 4096,
): Promise<Uint8Array<ArrayBuffer>> {
  const got: number[] = [];
  while (got.length < length) {
    const buffer = new Uint8Array(Math.min(size, length - got.length));
    const count = await from.read(buffer);
    if (count === null) break;
    ensure(
      Number.isInteger(count) && count >= 1 && count <= buffer.length,
      `read() into ${buffer.length} bytes gave ${count}`,
    );
    for (let i = 0; i < count; i++) got.push(buffer[i]!);
    ensure(got.length <= MUST_END_BEFORE, `read() gave ${got.length} bytes, and no end`);
  }
  return new Uint8Array(got);
}

/**
 * Throws unless reads of the far end keep to the part of the memory that they are given, to the count they tell, and to
 * their own time.
 *
 * @param read Reads some bytes.
 */
export async function checkPart(
  trial: Trial,
  name: string,
  read: (buffer: Uint8Array<ArrayBuffer>) => Promise<number | null>,
): Promise<void> {
  const writing = begun(writeAll(trial.near, numbered(5, 1)));
  await trial.isWaiting(writing);
  const whole = new Uint8Array(64).fill(255);
  let end = 20;
  while (end < 25) {
    const count = await read(whole.subarray(end, 40));
    ensure(count !== null && count >= 1, `${name}() gave ${count}`);
    end += count;
  }
  await writing;
  // Nor is anything written there later.
  await trial.delay(1);
  ensureBytes(whole.subarray(0, 20), new Uint8Array(20).fill(255));
  ensureBytes(whole.subarray(20, 25), numbered(5, 1));
  ensureBytes(whole.subarray(25), new Uint8Array(39).fill(255));
}
