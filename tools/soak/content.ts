// What streams carry: every byte belongs to one stream and one place in it. A byte that is missing, comes
// twice, or belongs elsewhere does not go unnoticed.

/** Streams from this number on are thrown at the server, and nobody keeps books on them. */
export const THROWN = 2 ** 31;

/** How many bytes at the begin of a stream tell its number. */
export const HEADER_LENGTH = 4;

/** Prime, so that neither a lost buffer nor a doubled one leads to the same bytes again. */
const PERIOD = 1_048_573;

/** The same bytes in all processes, twice in a row: any piece of one period is in one piece. */
const twice = randomBytes();

function randomBytes(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(2 * PERIOD);
  let state = 1;
  for (let i = 0; i < PERIOD; i++) {
    state = (state + 0x6d2b79f5) | 0;
    const mixed = Math.imul(state ^ (state >>> 15), state | 1);
    bytes[i] = mixed ^ (mixed >>> 14);
  }
  bytes.copyWithin(PERIOD, 0, PERIOD);
  return bytes;
}

function placeOf(stream: number, offset: number): number {
  return (stream * 99_991 + offset) % PERIOD;
}

/** The number of a stream as its first bytes. */
function headerOf(stream: number): Uint8Array {
  const header = new Uint8Array(HEADER_LENGTH);
  new DataView(header.buffer).setUint32(0, stream);
  return header;
}

/** What a stream carries from `offset` on. Not to be changed: others carry the same bytes. */
export function contentOf(
  stream: number,
  offset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const place = placeOf(stream, offset);
  if (offset >= HEADER_LENGTH && length <= PERIOD) return twice.subarray(place, place + length);
  const content = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const from = (place + at) % PERIOD;
    const piece = twice.subarray(from, from + Math.min(PERIOD, length - at));
    content.set(piece, at);
    at += piece.length;
  }
  if (offset < HEADER_LENGTH) {
    content.set(headerOf(stream).subarray(offset, offset + length));
  }
  return content;
}

/** Whether bytes are what the stream carries from `offset` on. */
export function isContentOf(stream: number, offset: number, bytes: Uint8Array): boolean {
  let from = 0;
  if (offset < HEADER_LENGTH) {
    const header = headerOf(stream);
    for (; from < bytes.length && offset + from < HEADER_LENGTH; from++) {
      if (bytes[from] !== header[offset + from]) return false;
    }
  }
  let place = placeOf(stream, offset + from);
  for (let i = from; i < bytes.length; i++) {
    if (bytes[i] !== twice[place]) return false;
    if (++place === PERIOD) place = 0;
  }
  return true;
}
