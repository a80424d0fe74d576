// Words of a stranger, fit for a terminal and for a log: errors are printed, and some quote what a peer has sent.

/** The text, in which whatever a terminal would obey, and whatever turns the direction of writing, is a "?". */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, "?");
}
