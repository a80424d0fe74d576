// What all codecs of this folder do alike: the limit on a frame, what is said when one is bad, and what a
// message of bytes may be.

import { checkInteger, checkObject, contentBytes, shown } from "../base/arguments.ts";
import type { ByteQueue } from "../bytes/byte_queue.ts";
import { GenericError } from "../base/errors.ts";

/** The longest message where no other limit is given: 1 MiB. */
export const DEFAULT_MAX_FRAME_LENGTH = 1_048_576;

/** The longest string there is in V8; what is longer than this is a stream and no message. */
const LARGEST_MAX_FRAME_LENGTH = 536_870_888;

/** What every codec can be told. */
export interface FrameConfig {
  /**
   * The longest message in bytes, without what the format puts around it, from 1 to 536_870_888. It holds in
   * both directions: a longer one is neither received nor sent.
   *
   * @default 1_048_576
   */
  readonly maxFrameLength?: number;
}

/** Checks the limit that a codec was given. */
export function maxFrameLengthOf(config: FrameConfig): number {
  const { maxFrameLength = DEFAULT_MAX_FRAME_LENGTH } = checkObject("config", config);
  return checkFrameLength("maxFrameLength", maxFrameLength);
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

/** The bytes received are no message. */
export function badFrame(why: string, cause?: unknown): GenericError {
  return new GenericError("frame", `Cannot decode: ${why}`, cause === undefined ? {} : { cause });
}

/** The message given cannot be sent. */
export function badMessage(why: string): GenericError {
  return new GenericError("frame", `Cannot encode: ${why}`);
}

/** The stream ended in the middle of a frame. What is left of it is dropped, so that the end comes next. */
export function cutOff(bytes: ByteQueue, expected: number | undefined): GenericError {
  const { offset, length } = bytes;
  bytes.clear();
  const ofSize = expected === undefined ? "" : ` of ${expected}`;
  return badFrame(
    `the stream ended ${length} bytes into the frame${ofSize} at byte ${offset}`,
  );
}

/**
 * The bytes of an outgoing message.
 *
 * @throws {TypeError} if it is neither bytes nor text
 * @throws {GenericError} `"frame"` if there are too many
 */
export function outgoingBytes(message: Uint8Array | string, maxFrameLength: number): Uint8Array {
  // Each character has at least one byte: what is too long as text is not encoded first.
  if (typeof message === "string") checkOutgoingLength(message.length, maxFrameLength);
  const bytes = contentBytes(message);
  checkOutgoingLength(bytes.length, maxFrameLength);
  return bytes;
}

/**
 * Checks the text of an outgoing message.
 *
 * @throws {TypeError} if it is no text
 * @throws {GenericError} `"frame"` if it has too many bytes
 */
export function checkOutgoingText(message: string, maxFrameLength: number): void {
  if (typeof message !== "string") {
    throw new TypeError(`Line must be a string: got ${shown(message)}`);
  }
  // No character has more than three bytes for each of its units.
  if (message.length * 3 > maxFrameLength) outgoingBytes(message, maxFrameLength);
}

function checkOutgoingLength(length: number, maxFrameLength: number): void {
  if (length <= maxFrameLength) return;
  throw badMessage(`the message is longer than ${maxFrameLength} bytes`);
}
