// Text in ISO 8859-1, in which each byte is the character of that number. What the web calls "latin1" is another
// encoding (windows-1252), so a TextDecoder is of no use.

/** As many arguments as any engine takes. */
const MOST_AT_ONCE = 8_192;

/** Makes text of bytes. */
export function latin1Of(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += MOST_AT_ONCE) {
    text += String.fromCharCode(...bytes.subarray(at, at + MOST_AT_ONCE));
  }
  return text;
}

/** Makes bytes of text; `undefined` where a character has none. */
export function latin1Bytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) return undefined;
    bytes[i] = code;
  }
  return bytes;
}
