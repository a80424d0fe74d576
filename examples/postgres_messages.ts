// The messages of PostgreSQL, version 3 of its protocol: a part of postgres_client.ts.

import { ByteQueue, type Codec, FrameBuffer, stepDecoder } from "../codec.ts";
import { GenericError } from "../mod.ts";
import { printable } from "./printable.ts";

/** What the server sends: a letter, and what belongs to it. */
export interface Answer {
  readonly type: string;
  readonly body: ByteQueue;
}

/** What clients send: a letter, none for the first message of all; numbers are of 32 bits, texts end with a zero. */
export interface Command {
  readonly type?: string;
  readonly parts: readonly (string | number | Uint8Array)[];
}

const ZERO = Uint8Array.of(0);
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export const postgresCodec: Codec<Answer, Command> = {
  decoder: () =>
    stepDecoder(function* (read) {
      const type = String.fromCharCode(yield* read.byte());
      const body = new ByteQueue();
      body.push(yield* read.bytes(Math.max(0, (yield* read.uint(4)) - 4)));
      return { type, body };
    }, { maxFrameLength: 64 * 1024 * 1024 }),

  encode({ type = "", parts }, frames) {
    const body = new FrameBuffer();
    for (const part of parts) {
      if (typeof part === "number") body.writeInt32(part);
      else body.write(part);
      if (typeof part !== "string") continue;
      // It would end there, and what follows be another one: an option of the login, say.
      if (part.includes("\0")) throw new GenericError("frame", "Cannot encode: a text has a zero");
      body.writeByte(0);
    }
    frames.write(type);
    frames.writeUint32(body.length + 4);
    for (const piece of body.take()) frames.write(piece);
  },
};

/** The next text of a message, up to its zero. */
export function textIn(body: ByteQueue): string {
  const length = body.indexOf(ZERO);
  if (length < 0) throw new GenericError("frame", "Cannot decode: a text has no end");
  const text = decoder.decode(body.take(length));
  body.skip(1);
  return text;
}

/** A row of texts; what is NULL is null. */
export function rowIn(body: ByteQueue): (string | null)[] {
  const row = Array<string | null>(body.getUint16(0));
  body.skip(2);
  for (let i = 0; i < row.length; i++) {
    const length = body.getInt32(0);
    body.skip(4);
    row[i] = length < 0 ? null : decoder.decode(body.take(length));
  }
  return row;
}

/** What an error says: its fields, each a letter and a text. */
export function errorIn(body: ByteQueue): Error {
  const fields = new Map<string, string>();
  while (body.length > 1) fields.set(String.fromCharCode(body.take(1)[0]!), textIn(body));
  const { M: why = "The server refuses, and does not say why", C: code } = Object.fromEntries(
    fields,
  );
  return new Error(printable(code === undefined ? why : `${why} (${code})`));
}
