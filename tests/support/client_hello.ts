// First messages of TLS clients, made up.

/** The contents of the message to make. */
export interface HelloWish {
  /** Versions in the extension for them; none for no extension. */
  readonly versions?: readonly number[];
  /** The length of the session id. */
  readonly sessionId?: number;
  /** Further extensions: type and length. */
  readonly extensions?: readonly (readonly [type: number, length: number])[];
}

function u16(value: number): number[] {
  return [value >> 8 & 0xff, value & 0xff];
}

/** The message, without the records around it. */
export function clientHello(
  { versions, sessionId = 0, extensions = [] }: HelloWish = {},
): number[] {
  const zeros = (length: number) => new Array<number>(length).fill(0);
  const list = versions?.flatMap(u16);
  const more = [
    ...list === undefined ? [] : [...u16(43), ...u16(list.length + 1), list.length, ...list],
    ...extensions.flatMap(([type, length]) => [...u16(type), ...u16(length), ...zeros(length)]),
  ];
  const body = [
    ...u16(0x0303),
    ...zeros(32),
    sessionId,
    ...zeros(sessionId),
    ...u16(2),
    ...u16(0x1301),
    ...[1, 0],
    ...u16(more.length),
    ...more,
  ];
  return [1, 0, ...u16(body.length), ...body];
}

/** The message in records of at most that length. */
export function inRecords(message: readonly number[], length = 16_384): Uint8Array {
  const bytes: number[] = [];
  for (let at = 0; at < message.length; at += length) {
    const piece = message.slice(at, at + length);
    bytes.push(22, 3, 1, ...u16(piece.length), ...piece);
  }
  return new Uint8Array(bytes);
}
