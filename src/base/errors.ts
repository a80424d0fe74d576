// What can go wrong. How the runtime's errors become ours is here and in setup_error.ts.
//
// Whose doing it is decides what is thrown: a programmer's mistake is a TypeError or RangeError at once,
// everything that can happen to a correct program is a SocketError with a code.

import { printable } from "./printable.ts";

/**
 * Says what kind of thing went wrong. The set is part of the public promise: a code is never reused for
 * something else.
 *
 * | Code | Meaning |
 * | --- | --- |
 * | `"closed"` | you closed it, or ended that direction, before |
 * | `"broken"` | the peer or the network cut it; the runtime's error is the `cause` |
 * | `"busy"` | another caller is using it that way right now |
 * | `"unreachable"` | refused, no route, or no such host |
 * | `"in-use"` | the local address belongs to another socket |
 * | `"denied"` | the program was not given the permission |
 * | `"handshake"` | a secure connection could not be agreed on |
 * | `"overflow"` | more was queued than the limit allows |
 * | `"limit"` | a configured limit refused it |
 * | `"frame"` | the bytes do not make a message, or one longer than allowed |
 * | `"timed-out"` | it took longer than allowed |
 * | `"aborted"` | you called `abort`; the reason is the `cause` |
 * | `"handler"` | a method of the service threw; what it threw is the `cause` |
 * | `"unsupported"` | this runtime, or the flags it was started with, cannot do it |
 */
export type SocketErrorCode =
  | "closed"
  | "broken"
  | "busy"
  | "unreachable"
  | "in-use"
  | "denied"
  | "handshake"
  | "overflow"
  | "limit"
  | "frame"
  | "timed-out"
  | "aborted"
  | "handler"
  | "unsupported";

/**
 * The base of every error that is not the programmer's mistake. Look at {@linkcode SocketError.code} to
 * tell one from another.
 */
export abstract class SocketError extends Error {
  /** What kind of thing went wrong. */
  readonly code: SocketErrorCode;

  /**
   * Makes an error.
   *
   * @param code What kind of thing went wrong.
   * @param message The action first, then why. What a terminal would obey, ends of lines included, becomes a "?".
   * @param options May hold the `cause`.
   */
  constructor(code: SocketErrorCode, message: string, options?: ErrorOptions) {
    // It may quote the peer, or what a function of the user threw because of the peer.
    super(printable(message), options);
    this.code = code;
  }

  /** What `JSON.stringify` makes of it, for logs: its fields and the message, which it would leave out. */
  toJSON(): { readonly name: string; readonly code: SocketErrorCode; readonly message: string } {
    return { ...this, name: this.name, code: this.code, message: this.message };
  }
}

/** Everything that can go wrong except a read that took too long. */
export class GenericError extends SocketError {
  /** Always `"GenericError"`. */
  override readonly name = "GenericError";
  /**
   * Of a write to a stream that failed: how many of its bytes, from the first on, the system had taken, at most. The
   * peer may have got them, and no other ones. Nothing else has it.
   */
  declare readonly bytesTaken?: number;
}

/**
 * A read waited longer than its timeout. No byte is lost and the connection stays open: the next read gets what has
 * arrived since.
 */
export class ReadTimedOutError extends SocketError {
  /** Always `"ReadTimedOutError"`. */
  override readonly name = "ReadTimedOutError";

  /**
   * Makes an error.
   *
   * @param message The action first, then why.
   * @param options May hold the `cause`.
   */
  constructor(message: string, options?: ErrorOptions) {
    super("timed-out", message, options);
  }
}

/** Whether it is an error; safe to ask of anything. */
export function isError(thrown: unknown): thrown is Error {
  return isA(Error, thrown);
}

/** Whether it is one of ours. */
export function isSocketError(thrown: unknown): thrown is SocketError {
  return isA(SocketError, thrown);
}

/** The code of one of our errors; safe to ask of anything. */
export function codeOf(thrown: unknown): SocketErrorCode | undefined {
  if (!isSocketError(thrown)) return undefined;
  try {
    // Not by a getter: a user's subclass may have any.
    return Object.getOwnPropertyDescriptor(thrown, "code")?.value;
  } catch {
    return undefined;
  }
}

/** Whether it is a read that has waited too long. */
export function isReadTimeout(thrown: unknown): thrown is ReadTimedOutError {
  return isA(ReadTimedOutError, thrown);
}

/** Whether it is an error of that kind; safe to ask of anything. */
export function isA<T extends Error>(
  kind: abstract new (...args: never[]) => T,
  thrown: unknown,
): thrown is T {
  try {
    return thrown instanceof kind;
  } catch {
    // A proxy answers as it likes, or is revoked.
    return false;
  }
}

/** What the runtime says went wrong, in one line, whatever was thrown. */
export function reasonOf(cause: unknown): string {
  try {
    return isError(cause) ? String(cause.message || cause.name) : String(cause);
  } catch {
    return "something that cannot be shown";
  }
}

/**
 * Translates what the runtime threw while an open socket was used: its peer or the network cut it.
 *
 * @param action What was tried: "Cannot read".
 * @param cause What the runtime threw; a `SocketError` passes untouched.
 */
export function brokenError(action: string, cause: unknown): SocketError {
  if (isSocketError(cause)) return cause;
  return new GenericError("broken", `${action}: ${reasonOf(cause)}`, { cause });
}

/** Whether the system ran out of something that others may give back: descriptors, buffers, memory. */
export function isResourceError(cause: unknown): boolean {
  try {
    const code = (cause as { code?: unknown } | null | undefined)?.code;
    return code === "EMFILE" || code === "ENFILE" || code === "ENOBUFS" || code === "ENOMEM";
  } catch {
    // What a network of the user's own throws may be anything.
    return false;
  }
}

/** A rejection that may be left alone, for a promise that nobody has to await. */
export function rejected(error: unknown): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(ignore);
  return promise;
}

/** For a rejection that is reported elsewhere. */
export function ignore(): void {}

/** The error for something that this side has closed. */
export function closedError(action: string): GenericError {
  return new GenericError("closed", `Cannot ${action}: already closed`);
}

/**
 * An error that keeps nothing else in memory: the stack of any other one holds the objects whose methods were under way
 * when it was made, for as long as somebody keeps the error, in a log for instance.
 *
 * @param make Makes it; its stack will have no lines.
 */
export function stackless<E extends Error>(make: () => E): E {
  return withoutStacks(make);
}

/**
 * Calls something that makes errors, whose stacks will have no lines. To read the lines of TypeScript, Deno looks for
 * what it was made of: where no descriptor is free, it ends the program.
 */
export function withoutStacks<T>(call: () => T): T {
  const { stackTraceLimit } = Error;
  // A program may have frozen it.
  const isLimited = Reflect.set(Error, "stackTraceLimit", 0);
  try {
    return call();
  } finally {
    if (isLimited) Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}

/** The error for bytes that are no message. What says why may quote them. */
export function badFrame(why: string, cause?: unknown): GenericError {
  const message = `Cannot decode: ${why}`;
  return new GenericError("frame", message, cause === undefined ? {} : { cause });
}

/** The error for a message that cannot be sent. */
export function badMessage(why: string): GenericError {
  return new GenericError("frame", `Cannot encode: ${why}`);
}

/** What encoders have thrown: messages of this side that cannot be sent, which no peer is to blame for. */
const unsendable = new WeakSet<WeakKey>();

/** Notes that an encoder has thrown this: it says nothing about what the peer has sent. */
export function noteUnsendable(thrown: unknown): void {
  if (isSocketError(thrown)) unsendable.add(thrown);
}

/** Whether the peer has sent something that is no message: who noticed it is not at fault. */
export function isBadFrame(thrown: unknown): thrown is SocketError {
  return codeOf(thrown) === "frame" && !unsendable.has(thrown as SocketError);
}

/** Why something cannot be done any more: an error, or what makes one, because its stack costs more than a read. */
export type Failure = SocketError | (() => SocketError);

/**
 * The error of one write that failed, which says how much of it had gone out: what ends the connection is one error
 * for everybody, and each write has its own count.
 *
 * @param error What made it fail.
 * @param bytesTaken How many of its bytes the system had taken.
 * @param length How many it had; left out where none was taken.
 * @param isMost Whether it may have taken less.
 */
export function writeError(
  error: SocketError,
  bytesTaken: number,
  length?: number,
  isMost = false,
): GenericError {
  // Of the pieces of one message each has been told of its own.
  const piece = reasons.get(error);
  const reason = piece?.reason ?? error;
  const atMost = isMost || piece?.isMost === true;
  const count = `${atMost ? "at most " : ""}${bytesTaken} of ${length} bytes`;
  const taken = length === undefined ? "nothing" : count;
  const told = new GenericError(
    codeOf(reason) ?? "broken",
    `${reasonOf(reason)}; of this write the system had taken ${taken}`,
    causeOf(reason),
  );
  reasons.set(told, { reason, isMost: atMost });
  return Object.defineProperty(told, "bytesTaken", { value: bytesTaken, enumerable: true });
}

/** What made writes fail, by the error of each. */
const reasons = new WeakMap<Error, { readonly reason: SocketError; readonly isMost: boolean }>();

/** The cause of an error, which may be of a class of the user's own. */
function causeOf(error: Error): ErrorOptions {
  try {
    return error.cause === undefined ? {} : { cause: error.cause };
  } catch {
    return {};
  }
}

/** The error to tell. */
export function errorOf(failure: Failure): SocketError {
  return typeof failure === "function" ? failure() : failure;
}
