// Reads a capture byte by byte, by the rules of its format, with no code of the library: what is written there.

/** A packet, as its headers say. */
export interface ReadPacket {
  readonly micros: number;
  readonly protocol: "tcp" | "udp";
  /** Address and port, as bytes and a number written with dots or colons. */
  readonly from: string;
  readonly to: string;
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly payload: Uint8Array;
  /** How many bytes it has, and how many were kept. */
  readonly length: number;
  readonly kept: number;
  readonly comment: string | undefined;
  /** Whether its checksums are right; unknown where it was cut. */
  readonly isSound: boolean | undefined;
}

const FLAGS = ["F", "S", "R", "P", "A"];
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The packets of a file. @throws {Error} It breaks a rule of the format. */
export function readPackets(file: Uint8Array): ReadPacket[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const packets: ReadPacket[] = [];
  const types: number[] = [];
  for (let at = 0; at < file.length;) {
    const type = view.getUint32(at, true);
    const length = view.getUint32(at + 4, true);
    if (length % 4 !== 0 || length < 12 || at + length > file.length) {
      throw new Error(`block of ${length} bytes at ${at}`);
    }
    if (view.getUint32(at + length - 4, true) !== length) throw new Error(`no end at ${at}`);
    types.push(type);
    if (type === 6) packets.push(readPacket(file, view, at, length));
    at += length;
  }
  const [section, link, ...others] = types;
  if (section !== 0x0a0d0d0a || link !== 1 || others.some((type) => type !== 6)) {
    throw new Error(`blocks ${types}`);
  }
  return packets;
}

function readPacket(file: Uint8Array, view: DataView, at: number, total: number): ReadPacket {
  const micros = view.getUint32(at + 12, true) * 2 ** 32 + view.getUint32(at + 16, true);
  const kept = view.getUint32(at + 20, true);
  const length = view.getUint32(at + 24, true);
  const start = at + 28;
  const options = start + Math.ceil(kept / 4) * 4;
  let comment: string | undefined;
  for (let i = options; i < at + total - 4;) {
    const code = view.getUint16(i, true);
    const size = view.getUint16(i + 2, true);
    if (code === 1) comment = decoder.decode(file.subarray(i + 4, i + 4 + size));
    i += 4 + Math.ceil(size / 4) * 4;
  }
  const packet = file.subarray(start, start + kept);
  return { micros, length, kept, comment, ...readHeaders(packet, length) };
}

function readHeaders(packet: Uint8Array, length: number) {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const is4 = packet[0]! >> 4 === 4;
  const inner = is4 ? 20 : 40;
  const [source, target] = is4
    ? [packet.subarray(12, 16), packet.subarray(16, 20)]
    : [packet.subarray(8, 24), packet.subarray(24, 40)];
  const said = is4 ? view.getUint16(2) : 40 + view.getUint16(4);
  if (said !== length) throw new Error(`a packet of ${length} bytes says ${said}`);
  const protocol = packet[is4 ? 9 : 6] === 6 ? "tcp" : "udp";
  const isTcp = protocol === "tcp";
  const content = inner + (isTcp ? (packet[inner + 12]! >> 4) * 4 : 8);
  const pseudo = new Uint8Array([...source, ...target, 0, isTcp ? 6 : 17, 0, 0]);
  new DataView(pseudo.buffer).setUint16(pseudo.length - 2, length - inner);
  const isWhole = packet.length === length;
  const isSound = !isWhole ? undefined : (!is4 || sumOf([packet.subarray(0, 20)]) === 0xffff) &&
    sumOf([pseudo, packet.subarray(inner)]) === 0xffff &&
    (isTcp || view.getUint16(inner + 4) === length - inner);
  const written = (ip: Uint8Array, port: number) =>
    `${is4 ? ip.join(".") : `[${[...ip].map((byte) => byte.toString(16)).join("")}]`}:${port}`;
  return {
    protocol,
    from: written(source, view.getUint16(inner)),
    to: written(target, view.getUint16(inner + 2)),
    flags: isTcp ? FLAGS.filter((_, bit) => packet[inner + 13]! & 1 << bit).join("") : "",
    seq: isTcp ? view.getUint32(inner + 4) : 0,
    ack: isTcp ? view.getUint32(inner + 8) : 0,
    payload: packet.slice(content),
    isSound,
  } as const;
}

/** The sum of RFC 1071; all parts but the last have an even length. */
function sumOf(parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += part[i]! * 256 + (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = sum % 65_536 + Math.floor(sum / 65_536);
  return sum;
}

/** A stream that keeps what is written to it. */
export function keptBytes(): { stream: WritableStream<Uint8Array>; bytes(): Uint8Array } {
  const chunks: Uint8Array[] = [];
  const stream = new WritableStream<Uint8Array>({
    write: (chunk) => void chunks.push(chunk.slice()),
  });
  return {
    stream,
    bytes: () => {
      const all = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
      let at = 0;
      for (const chunk of chunks) {
        all.set(chunk, at);
        at += chunk.length;
      }
      return all;
    },
  };
}
