// Bytes made into text. Without `stream` a decoder keeps nothing between two calls, so all connections can
// share one. A byte order mark is left in: a decoder would drop one at the start of every piece, and only the
// one at the start of the stream is none of the text.

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const replacing = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** What is put in the place of bytes that are not UTF-8; it may be in the text as well. */
const REPLACEMENT = "\ufffd";

/** What becomes of bytes that are not UTF-8. */
export type InvalidBytes = "strict" | "replace";

/**
 * Makes text of bytes.
 *
 * @param bytes Whole characters.
 * @param invalidBytes `"replace"` puts U+FFFD in the place of what is not UTF-8.
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
