// Reads DER, the form of certificates, strictly: one way to write each thing, nothing outside its bounds. Anything else
// throws, because attackers send what two readers may read in two ways.

/** Bytes that are not valid DER. */
export class DerError extends Error {}

/** The tags that certificates use. */
export const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OID: 0x06,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/** One value. */
export interface DerValue {
  /** Its first byte: its type. */
  readonly tag: number;
  /** The bytes in it. */
  readonly content: Uint8Array;
  /** All of it, tag and length included. */
  readonly whole: Uint8Array;
}

/** No certificate that a handshake can carry is longer. */
const MAX_LENGTH = 0xff_ff_ff;

/** Reads values, one after the other. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** @param bytes Values, and nothing else. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether there is nothing left. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** What is left. */
  get rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  /**
   * Reads the next value.
   *
   * @param tag The tag that it must have.
   * @throws {DerError} It has another tag, or there is none.
   */
  read(tag?: number): DerValue {
    const start = this.#at;
    const found = this.#byte();
    // No certificate has tags of several bytes.
    if ((found & 0x1f) === 0x1f) throw new DerError("a tag is too long");
    if (tag !== undefined && found !== tag) {
      throw new DerError(`tag ${found} stands where ${tag} should`);
    }
    const length = this.#length();
    const from = this.#at;
    if (length > this.#bytes.length - from) throw new DerError("a value is cut off");
    this.#at = from + length;
    return {
      tag: found,
      content: this.#bytes.subarray(from, this.#at),
      whole: this.#bytes.subarray(start, this.#at),
    };
  }

  /** Reads the next value if it has that tag. */
  readIf(tag: number): DerValue | undefined {
    return this.#bytes[this.#at] === tag ? this.read(tag) : undefined;
  }

  /** A reader of the content of the next value. */
  enter(tag: number): DerReader {
    return new DerReader(this.read(tag).content);
  }

  /** @throws {DerError} Something is left. */
  end(): void {
    if (!this.isAtEnd) throw new DerError("something stands behind the last value");
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new DerError("a value is missing");
    this.#at++;
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    let length = 0;
    const count = first & 0x7f;
    if (count === 0 || count > 3) throw new DerError("a length is open or too large");
    for (let i = 0; i < count; i++) length = length * 256 + this.#byte();
    const isShortest = length >= 0x80 && length >= 256 ** (count - 1);
    if (!isShortest || length > MAX_LENGTH) throw new DerError("a length is not the shortest");
    return length;
  }
}

/**
 * The text of an object identifier: `"2.5.4.3"`.
 *
 * @throws {DerError} It is not one, or has a number that is too large.
 */
export function oidText(content: Uint8Array): string {
  const numbers: number[] = [];
  let number = 0;
  let isOpen = false;
  for (const byte of content) {
    if (!isOpen && byte === 0x80) throw new DerError("an identifier is not the shortest");
    number = number * 128 + (byte & 0x7f);
    if (number > Number.MAX_SAFE_INTEGER) throw new DerError("an identifier is too large");
    isOpen = byte >= 0x80;
    if (isOpen) continue;
    if (numbers.length === 0) {
      const first = Math.min(Math.floor(number / 40), 2);
      numbers.push(first, number - first * 40);
    } else {
      numbers.push(number);
    }
    number = 0;
  }
  if (isOpen || numbers.length === 0) throw new DerError("an identifier is cut off");
  return numbers.join(".");
}

/** Bytes as hexadecimal digits. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
