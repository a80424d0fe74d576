// Checks outgoing messages of bytes or text.

import { contentBytes } from "../base/arguments.ts";
import { badMessage } from "../base/errors.ts";

/**
 * The bytes of an outgoing message.
 *
 * @throws {TypeError} if it is neither bytes nor text
 * @throws {GenericError} `"frame"` if there are too many, or the text has a lone surrogate
 */
export function outgoingBytes(message: Uint8Array | string, maxFrameLength: number): Uint8Array {
  // Each character has at least one byte: text that is too long is refused before it is encoded.
  if (typeof message === "string") {
    checkLength(message.length, maxFrameLength);
    checkText(message);
  }
  const bytes = contentBytes(message);
  checkLength(bytes.length, maxFrameLength);
  return bytes;
}

/** Checks that text has a form in UTF-8: half a character would arrive as another one. */
export function checkText(message: string): void {
  if (!message.isWellFormed()) throw badMessage("the text has a lone surrogate");
}

/** Checks how long an outgoing message is. */
export function checkLength(length: number, maxFrameLength: number): void {
  if (length <= maxFrameLength) return;
  throw badMessage(`the message is longer than ${maxFrameLength} bytes`);
}
