// What a stranger has written, fit for a terminal: a part of the examples that print it.

/** The text, in which whatever a terminal would obey, and whatever turns the direction of writing, is a "?". */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, "?");
}
