// Finds where TLS records begin in a stream, and which of them may be decrypted together.
//
// Decision record: what an engine has decrypted in a call that fails is lost. So a record that may fail is decrypted
// alone, after those before it: the last record of a read, one that is not content, one of the size of an alert, and
// every record of a small read. In the middle of a large read records are decrypted together: alone, each would cost a
// third more in bulk, and three times as much if they are small.

const HEADER_LENGTH = 5;
const CONTENT = 23;
/** So much of a record is no content, at most: with TLS 1.2, a nonce of 8 and 16 that authenticate it. */
const MOST_OVERHEAD = 24;
/** With TLS 1.3 an alert looks like content: two bytes, their type, and 16 that authenticate them. */
const ALERT_LENGTH = 19;
/** Only reads from a peer that sends much at a time are larger. */
const SMALL_READ = 4 * 1024;

/** Divides a stream into parts that may be decrypted together. */
export class TlsRecords {
  /** How much of the record under way is still to come. */
  #open = 0;
  /** How long its body is. */
  #bodyLength = 0;
  /** The beginning of a header whose rest is still to come. */
  readonly #header = new Uint8Array(HEADER_LENGTH);
  #headerLength = 0;

  /**
   * How much content there is, at least, in the part of a record that has come; 1 where that is not known, 0 where no
   * record is under way.
   */
  get partLength(): number {
    if (this.#open > 0) return Math.max(1, this.#bodyLength - this.#open - MOST_OVERHEAD);
    return this.#headerLength > 0 ? 1 : 0;
  }

  /**
   * Finds the next part of the bytes that were read. Called again for the bytes after it, until none are left.
   *
   * @param bytes One read.
   * @param at Where the part begins.
   * @returns Where it ends.
   */
  next(bytes: Uint8Array, at: number): number {
    const { length } = bytes;
    const isBegun = this.#open > 0 || this.#headerLength > 0;
    const isAlone = length <= SMALL_READ || (!isBegun && isOdd(bytes, at));
    let end = this.#endOfRecord(bytes, at);
    if (isAlone) return end;
    while (length - end > HEADER_LENGTH && !isOdd(bytes, end)) {
      const next = end + HEADER_LENGTH + bodyLength(bytes, end);
      if (next >= length) break;
      end = next;
    }
    return end;
  }

  /** Where the record ends that begins at this place, or that was begun in an earlier read. */
  #endOfRecord(bytes: Uint8Array, at: number): number {
    let start = at;
    if (this.#open === 0) {
      const header = bytes.subarray(at, at + HEADER_LENGTH - this.#headerLength);
      this.#header.set(header, this.#headerLength);
      this.#headerLength += header.length;
      start += header.length;
      if (this.#headerLength < HEADER_LENGTH) return start;
      this.#headerLength = 0;
      this.#open = this.#bodyLength = bodyLength(this.#header, 0);
    }
    const there = Math.min(this.#open, bytes.length - start);
    this.#open -= there;
    return start + there;
  }
}

function isOdd(bytes: Uint8Array, at: number): boolean {
  return bytes[at] !== CONTENT || bodyLength(bytes, at) === ALERT_LENGTH;
}

function bodyLength(bytes: Uint8Array, at: number): number {
  return bytes[at + 3]! << 8 | bytes[at + 4]!;
}
