// Bytes for people to read in a terminal.

import { checkInteger, shown } from "../base/arguments.ts";
import { optionNames, readOptions } from "../base/options.ts";

/** How bytes are shown. */
export interface HexDumpOptions {
  /**
   * How many bytes are shown at most; the last line then says how many are missing. From 0, or `Infinity`.
   *
   * @default {Infinity}
   */
  readonly maxBytes?: number;
}

const OPTIONS = optionNames<HexDumpOptions>({ maxBytes: true });
const PER_LINE = 16;

/**
 * Shows bytes as lines of text: where they are, in hexadecimal digits, and as ASCII with a dot for what cannot be
 * printed.
 *
 * @param bytes The bytes.
 * @param options How many.
 * @returns Lines without a newline at the end; `""` for no bytes.
 * @throws {TypeError | RangeError} It is not bytes, or an option is wrong.
 *
 * @example
 * ```ts
 * import { hexDump } from "socket/debug.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   hexDump(new TextEncoder().encode("hello\n")),
 *   "00000000  68 65 6c 6c 6f 0a                                 |hello.|",
 * );
 * ```
 */
export function hexDump(bytes: Uint8Array, options?: HexDumpOptions): string;
export function hexDump(bytes: Uint8Array, options: HexDumpOptions = {}): string {
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(`Bytes must be a Uint8Array: got ${shown(bytes)}`);
  }
  const { maxBytes = Infinity } = readOptions<HexDumpOptions>("options", options, OPTIONS);
  if (maxBytes !== Infinity) {
    checkInteger("maxBytes", maxBytes, 0, Number.MAX_SAFE_INTEGER, " or Infinity");
  }
  const length = Math.min(bytes.length, maxBytes);
  const lines: string[] = [];
  for (let at = 0; at < length; at += PER_LINE) {
    lines.push(lineOf(at, bytes.subarray(at, Math.min(at + PER_LINE, length))));
  }
  if (length < bytes.length) lines.push(`${bytes.length - length} more bytes`);
  return lines.join("\n");
}

function lineOf(at: number, bytes: Uint8Array): string {
  const pairs = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"));
  const halves = [pairs.slice(0, 8).join(" "), pairs.slice(8).join(" ")].join("  ");
  const text = Array.from(
    bytes,
    (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
  ).join("");
  return `${at.toString(16).padStart(8, "0")}  ${halves.padEnd(48)}  |${text}|`;
}
