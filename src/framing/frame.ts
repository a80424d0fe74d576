// What all codecs of this folder do alike: the limit on a frame, what is said when one is cut off, and what a
// message of bytes may be.

import {
  checkFrameLength,
  checkFunction,
  contentBytes,
  DEFAULT_MAX_FRAME_LENGTH,
  shown,
} from "../base/arguments.ts";
import { optionNames } from "../base/options.ts";
import type { ByteQueue } from "../bytes/byte_queue.ts";
import { badFrame, badMessage, type GenericError, type SocketError } from "../base/errors.ts";

/** What every codec can be told. */
export interface FrameConfig {
  /**
   * The longest message in bytes, without what the format puts around it, from 1 to 536_870_888. It holds in
   * both directions: a longer one is neither received nor sent.
   *
   * @default 1_048_576
   */
  readonly maxFrameLength?: number;
  /**
   * Called for each bad frame, or too long a one, that is skipped: then the next message is the one behind it, where
   * its end is known. Without this a bad frame is an error, and ends the connection of a `framedService`.
   */
  readonly onBadFrame?: (error: SocketError) => void;
}

/** The fields of a {@linkcode FrameConfig}. */
export const FRAME_OPTIONS = optionNames<FrameConfig>({ maxFrameLength: true, onBadFrame: true });

/** Checks the limit that a codec was given, whose config was read. */
export function maxFrameLengthOf(config: FrameConfig): number {
  checkFunction("onBadFrame", config.onBadFrame);
  const { maxFrameLength = DEFAULT_MAX_FRAME_LENGTH } = config;
  return checkFrameLength("maxFrameLength", maxFrameLength);
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

/** Checks how long an outgoing message is. */
export function checkOutgoingLength(length: number, maxFrameLength: number): void {
  if (length <= maxFrameLength) return;
  throw badMessage(`the message is longer than ${maxFrameLength} bytes`);
}
