// The values of the Redis protocol: a part of examples/resp_codec.ts.

import type { ByteQueue } from "../codec.ts";
import { printable } from "./printable.ts";

/** Simple string, error, integer (of 64 bits), bulk string, null or array. */
export type Resp = string | Error | number | bigint | Uint8Array | null | Resp[];

const [encoder, decoder] = [new TextEncoder(), new TextDecoder("utf-8", { ignoreBOM: true })];
const BLANKS = [9, 10, 13, 32];

/** A command as clients send it: an array of bulk strings. */
export function command(...words: string[]): Resp {
  return commandOf(words);
}

/** The same from an array of words: there may be more of them than a call may have arguments. */
export function commandOf(words: readonly string[]): Resp {
  return words.map((word) => encoder.encode(word));
}

/** How many bytes all strings in bulk of a value have together, however deep in it. */
export function lengthOf(value: Resp): number {
  if (!Array.isArray(value)) return value instanceof Uint8Array ? value.length : 0;
  return value.reduce<number>((sum, item) => sum + lengthOf(item), 0);
}

/** The value that is nothing but this line: a string, an error or an integer; `undefined` where it is none. */
export function lineIn(line: Uint8Array): string | Error | number | bigint | undefined {
  const [type, text] = [line[0], decoder.decode(line.subarray(1)).replace(/\r?\n$/, "")];
  if (type === 43) return text;
  if (type === 45) return new Error(printable(text));
  if (type !== 58 || !/^-?\d{1,19}$/.test(text)) return undefined;
  return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
}

/** The words of a line, at most so many. */
export function wordsIn(line: Uint8Array, most: number): string[] {
  return decoder.decode(line).trim().split(/\s+/, most).filter((word) => word !== "");
}

/** Skips blanks and empty lines, of which somebody may send nothing else. */
export function skipBlanks(bytes: ByteQueue): void {
  let blanks = 0;
  while (blanks < bytes.length && BLANKS.includes(bytes.at(blanks))) blanks++;
  bytes.skip(blanks);
}

/** The number of a line; NaN if it has none. */
export function numberIn(line: Uint8Array): number {
  const end = line.at(-2) === 13 ? line.length - 2 : line.length - 1;
  const first = line[1] === 45 ? 2 : 1;
  let number = end > first && end < 18 ? 0 : NaN;
  for (let at = first; at < end; at++) {
    const digit = line[at]! - 48;
    number = digit >= 0 && digit <= 9 ? number * 10 + digit : NaN;
  }
  return first === 1 ? number : -number;
}
