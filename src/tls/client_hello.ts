// Reads the little of a client's first message that must be known before an engine sees it.

const HEADER_LENGTH = 5;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** A longer message is not read before the engine reads it. */
const MAX_LENGTH = 16 * 1024;
const TLS12 = 0x0303;
const TLS13 = 0x0304;
const SESSION_TICKET = 35;
const PRE_SHARED_KEY = 41;
const SUPPORTED_VERSIONS = 43;

/** The relevant parts of a client's first message. */
export interface ClientHello {
  /** Whether it offers to resume an earlier session. */
  readonly offersSession: boolean;
  /** Whether it speaks TLS 1.2 as well as TLS 1.3. */
  readonly speaksBoth: boolean;
}

/** Anything else offers nothing; the engine says what is wrong with it. */
const NOTHING: ClientHello = { offersSession: false, speaksBoth: false };

/**
 * Reads a client's first message.
 *
 * @param bytes What it has sent so far.
 * @returns The message, or how many bytes are needed at least.
 */
export function readClientHello(bytes: Uint8Array): ClientHello | number {
  const message = new Uint8Array(bytes.length);
  let there = 0;
  for (let at = 0; at <= MAX_LENGTH;) {
    if (bytes.length < at + HEADER_LENGTH) return at + HEADER_LENGTH;
    if (bytes[at] !== HANDSHAKE) return NOTHING;
    const end = at + HEADER_LENGTH + (bytes[at + 3]! << 8 | bytes[at + 4]!);
    if (end > MAX_LENGTH) return NOTHING;
    if (bytes.length < end) return end;
    message.set(bytes.subarray(at + HEADER_LENGTH, end), there);
    there += end - at - HEADER_LENGTH;
    if (there > 0 && message[0] !== CLIENT_HELLO) return NOTHING;
    const whole = 4 + (message[1]! << 16 | message[2]! << 8 | message[3]!);
    if (there >= 4 && there >= whole) return parse(message.slice(4, whole));
    at = end;
  }
  return NOTHING;
}

function parse(message: Uint8Array): ClientHello {
  const view = new DataView(message.buffer);
  try {
    const version = view.getUint16(0);
    let at = 34;
    const hasSessionId = view.getUint8(at) > 0;
    at += 1 + view.getUint8(at);
    at += 2 + view.getUint16(at);
    at += 1 + view.getUint8(at);
    let versions: readonly number[] = [version];
    let offersSession = false;
    for (at += 2; at < message.length;) {
      const [type, length] = [view.getUint16(at), view.getUint16(at + 2)];
      at += 4;
      if (type === PRE_SHARED_KEY || (type === SESSION_TICKET && length > 0)) offersSession = true;
      if (type === SUPPORTED_VERSIONS) {
        const count = view.getUint8(at) >> 1;
        versions = Array.from({ length: count }, (_, i) => view.getUint16(at + 1 + 2 * i));
      }
      at += length;
    }
    const isNewer = versions.includes(TLS13);
    // With TLS 1.3 it is a number without meaning.
    if (hasSessionId && !isNewer) offersSession = true;
    return { offersSession, speaksBoth: isNewer && versions.includes(TLS12) };
  } catch {
    return NOTHING;
  }
}
