// What callers pass is checked here, once, at the door: a wrong value never reaches the runtime, and the
// error names it.

import { escaped } from "./printable.ts";
import { isRevoked, isRuntimeKind } from "./runtime_kind.ts";

/** The largest delay a timer takes; with a larger one it fires at once. */
export const MAX_INTERVAL_IN_MILLIS = 2_147_483_647;

/** The longest message where no other limit is given: 1 MiB. */
export const DEFAULT_MAX_FRAME_LENGTH = 1_048_576;

/** The longest string of V8; anything longer is a stream, not a message. */
const LARGEST_MAX_FRAME_LENGTH = 536_870_888;

const encoder = new TextEncoder();

const NOTHING = new Uint8Array(0);

/** How text in PEM form begins: it may be a private key, in whatever place it was given. */
const PEM = "-----BEGIN ";

/**
 * Who somebody is, in a URL that was given as a host or as a config; and what else shows a password by its name. Up to
 * the last sign that may end it: a password may have any in it.
 */
const IN_URL = /:\/\/.*@/s;
const NAMED = /\b(pass(?:word|phrase): )(["'`]).*\2/s;

/**
 * A value as it is named in a message: one short line, fit for a terminal, without text in PEM form and without the
 * passwords of URLs. Options that hold secrets are not named by this, but by {@linkcode kindOnly}.
 */
export function shown(value: unknown): string {
  const whole = typeof value === "string" ? JSON.stringify(value) : inspected(value);
  if (isPem(whole)) return "text in PEM form";
  const text = escaped(whole.replace(IN_URL, "://...@").replace(NAMED, "$1..."));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Whether text has something in PEM form in it. */
export function isPem(text: string): boolean {
  return text.includes(PEM);
}

/** What a value is, without what it holds: for options that hold secrets. */
export function kindOnly(value: unknown): string {
  if (value === "") return "an empty string";
  if (value === null || value === undefined) return String(value);
  return refused(value, () => {
    if (typeof value !== "object") return `a ${typeof value}`;
    if (Array.isArray(value)) return "an array";
    if (ArrayBuffer.isView(value)) return "bytes";
    return isRuntimeKind(value) ? "an object of another kind" : "an object";
  });
}

function inspected(value: unknown): string {
  try {
    return Deno.inspect(value, { depth: 1, breakLength: Infinity, compact: true });
  } catch {
    // A value shows itself by code of its own, which may throw.
    return "a value that cannot be shown";
  }
}

/**
 * Checks a number of milliseconds.
 *
 * @param name The name of the option, for the message.
 * @param value An integer from 1 to 2_147_483_647, or `Infinity` for none.
 */
export function checkInterval(name: string, value: unknown): number {
  if (value === Infinity) return Infinity;
  return checkInteger(name, value, 1, MAX_INTERVAL_IN_MILLIS, " or Infinity");
}

/**
 * Checks an integer.
 *
 * @param name The name of the option, for the message.
 * @param value What was passed.
 * @param least The smallest allowed.
 * @param most The largest allowed.
 * @param besides What else would have been allowed, for the message.
 */
export function checkInteger(
  name: string,
  value: unknown,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
  besides = "",
): number {
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw new TypeError(`${name} must be a number: got ${shown(value)}`);
  }
  if (!Number.isInteger(value) || value < least || value > most) {
    const range = most === Number.MAX_SAFE_INTEGER
      ? `${least} or more`
      : `from ${least} to ${most}`;
    throw new RangeError(`${name} must be an integer ${range}${besides}: got ${value}`);
  }
  return value;
}

/** Checks how much of something there may be at most: an integer from 1, or `Infinity`. */
export function checkLimit(name: string, value: unknown): number {
  if (value === Infinity) return Infinity;
  return checkInteger(name, value, 1, Number.MAX_SAFE_INTEGER, " or Infinity");
}

/** Checks how long a frame may be, or is. */
export function checkFrameLength(name: string, value: number): number {
  return checkInteger(name, value, 1, LARGEST_MAX_FRAME_LENGTH);
}

/** Checks an option that is one of a few values. */
export function checkChoice<T>(name: string, value: T, choices: readonly T[]): T {
  if (!choices.includes(value)) {
    const allowed = choices.map(shown).join(" or ");
    throw new TypeError(`${name} must be ${allowed}: got ${shown(value)}`);
  }
  return value;
}

/** Checks a count of bytes that a read asks for. */
export function checkReadLength(value: unknown): number {
  return checkInteger("Requested byte length", value, 1);
}

/** Checks memory that is to be read into. */
export function checkTarget(into: Uint8Array): Uint8Array {
  if (!(into instanceof Uint8Array) || into.length === 0) {
    throw new TypeError(`Memory to read into must be a Uint8Array with room: got ${shown(into)}`);
  }
  return plain(into);
}

/** Checks a boolean. */
export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") {
    throw new TypeError(`${name} must be true or false: got ${shown(value)}`);
  }
  return value;
}

/** Checks what shall be called, where there is anything. */
export function checkFunction<T>(name: string, value: T): T {
  if (value !== undefined && typeof value !== "function") {
    throw new TypeError(`${name} must be a function: got ${shown(value)}`);
  }
  return value;
}

/** What says whether something really is a signal, whatever properties it was given. */
const abortedOf = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "aborted")!.get!;

/**
 * Checks a signal that may end a wait.
 *
 * @returns The signal to use: where parts of it were replaced, one that follows it and never runs the other's code.
 */
export function checkSignal(value: unknown): AbortSignal {
  try {
    // One that only inherits from it throws when asked.
    abortedOf.call(value);
  } catch {
    throw new TypeError(`signal must be an AbortSignal: got ${shown(value)}`);
  }
  const signal = value as AbortSignal;
  return isPlainSignal(signal) ? signal : AbortSignal.any([signal]);
}

/** Whether all parts of it that are used are the runtime's. A loop over their names would be slower. */
function isPlainSignal(signal: AbortSignal): boolean {
  return Object.getPrototypeOf(signal) === AbortSignal.prototype &&
    !Object.hasOwn(signal, "aborted") && !Object.hasOwn(signal, "reason") &&
    !Object.hasOwn(signal, "throwIfAborted") && !Object.hasOwn(signal, "addEventListener") &&
    !Object.hasOwn(signal, "removeEventListener");
}

/**
 * Checks that what should be a config or an options object is one, plain or of a class of the user's: anything else
 * would be read as an empty one.
 *
 * @param say Names what is refused, where it may hold secrets: {@linkcode kindOnly}.
 */
export function checkObject<T extends object>(name: string, value: T, say = refused): T {
  if (typeof value !== "object" || value === null || isRevoked(value) || isRuntimeKind(value)) {
    throw new TypeError(`${name} must be an object: got ${say(value)}`);
  }
  return value;
}

/** Checks that something has the methods that it will be used by. */
export function checkMethods<T extends object>(
  name: string,
  value: T,
  ...methods: (keyof T & string)[]
): T {
  const given = value as T | null | undefined;
  if (isRevoked(value) || methods.some((method) => typeof given?.[method] !== "function")) {
    throw new TypeError(
      `${name} must have the methods ${methods.join(", ")}: got ${refused(value)}`,
    );
  }
  return value;
}

/** The bytes of content to send; a string goes out as UTF-8. */
export function contentBytes(content: unknown, name = "Content"): Uint8Array {
  // An object that only inherits from it throws when asked for its length.
  if (content instanceof Uint8Array && ArrayBuffer.isView(content)) {
    if (content.length === 0) checkIsThere(content);
    return plain(content);
  }
  if (typeof content === "string") return encoder.encode(content);
  throw new TypeError(`${name} must be a Uint8Array or a string: got ${refused(content)}`);
}

/** Names what is refused. What a promise rejects with then, nobody else would handle. */
export function refused(value: unknown, say = shown): string {
  // Whatever it is: one that is like a promise, too.
  new Promise((resolve) => resolve(value)).catch(() => {});
  if (isRevoked(value)) return "a proxy that was revoked";
  return value instanceof Promise ? "a promise, await it first" : say(value);
}

/** Bytes whose buffer was transferred look empty: they would be missing, and nobody would notice. */
function checkIsThere(content: Uint8Array): void {
  try {
    NOTHING.set(content);
  } catch {
    throw new TypeError("Content must be there: its buffer was transferred or shrunk");
  }
}

/** The getters that say what an array of bytes really is, whatever properties it was given. */
const truth = Object.getOwnPropertyDescriptors(
  Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array,
);
const bufferOf = truth.buffer.get!;
const offsetOf = truth.byteOffset.get!;
const lengthOf = truth.byteLength.get!;

/**
 * The same bytes as an array that is nothing more: parts of a subclass are made by its own constructor, node's
 * `Buffer` has a `slice` that does not copy, and one may say to be longer than its memory is.
 */
function plain<Buffer extends ArrayBufferLike>(bytes: Uint8Array<Buffer>): Uint8Array<Buffer> {
  const length = lengthOf.call(bytes);
  if (
    Object.getPrototypeOf(bytes) === Uint8Array.prototype && bytes.length === length &&
    bytes.byteLength === length && bytes.byteOffset === offsetOf.call(bytes)
  ) return bytes;
  return new Uint8Array(bufferOf.call(bytes) as Buffer, offsetOf.call(bytes), length);
}
