// Words of a stranger, fit for a terminal and for a log: errors are printed, and some quote what a peer has sent.

/** Whatever a terminal obeys, ends a line, or turns the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;
const EACH_UNPRINTABLE = new RegExp(UNPRINTABLE, "gu");

/** The text, in which everything of that kind is a "?". */
export function printable(text: string): string {
  return UNPRINTABLE.test(text) ? text.replaceAll(EACH_UNPRINTABLE, "?") : text;
}

/** The text, in which everything of that kind is written as in a string of JSON: `\u009b`. */
export function escaped(text: string): string {
  const escape = (character: string) =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return text.replaceAll(EACH_UNPRINTABLE, escape);
}
