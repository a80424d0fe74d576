// Bytes made into text. Without `stream` a decoder keeps nothing between two calls, so all connections share one. A
// byte order mark is left in: the decoder would drop one at the start of every piece, but only the one at the start
// of the stream is not text.

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const replacing = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** Replaces bytes that are not UTF-8; the text itself may contain it, too. */
const REPLACEMENT = "\ufffd";

/** What becomes of bytes that are not UTF-8. */
export type InvalidBytes = "strict" | "replace";

/**
 * Makes text of bytes.
 *
 * @param bytes Whole characters.
 * @param invalidBytes `"replace"` puts U+FFFD in place of what is not UTF-8.
 * @returns The text; `undefined` if the bytes have to be UTF-8 and are not.
 */
export function textOf(
  bytes: Uint8Array<ArrayBuffer>,
  invalidBytes: InvalidBytes,
): string | undefined {
  // Eight times as fast as the strict one, and mostly there is nothing to replace.
  const text = replacing.decode(bytes);
  if (invalidBytes === "replace" || !text.includes(REPLACEMENT)) return text;
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}
