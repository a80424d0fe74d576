// PEM: text with blocks of DER in it, and anything else around them.

/** One block. There may be headers between its lines, so only five hyphens end it. */
const BLOCK = /-----BEGIN ([A-Z\d ]+)-----((?:(?!-----)[^])*)-----END \1-----/g;

/** A block of PEM text. */
export interface PemBlock {
  /** The kind of block: `"CERTIFICATE"`. */
  readonly label: string;
  /** All of it, its first and last line included. */
  readonly text: string;
  /** What is between the two. */
  readonly body: string;
}

/** The blocks in a text, in order. */
export function pemBlocks(text: string): PemBlock[] {
  return Array.from(text.matchAll(BLOCK), ([text, label, body]) => ({
    label: label!,
    text,
    body: body!,
  }));
}
