// Finds Redis messages in a stream, looking at each byte once: a part of examples/resp_codec.ts.
// deno run examples/redis_server.ts

import * as socket from "https://deno.land/x/socket@v0.1.0/mod.ts";
import { command, type Resp } from "./resp_codec.ts";

const LF = Uint8Array.of(10);
const utf8 = new TextDecoder();
const bad = (why: string, { offset }: socket.ByteQueue) =>
  new socket.GenericError("frame", `Cannot decode: ${why} before byte ${offset}`);

export class RespDecoder implements socket.Decoder<Resp> {
  #arrays: { items: Resp[]; length: number }[] = []; // not whole yet, the innermost last
  #bulk = -1; // how many bytes the bulk string has that comes next
  #end = 0; // where in the stream the message has to be over
  #searched = 0; // up to where in the stream there is no line feed
  constructor(readonly inline: boolean, readonly maxFrameLength: number) {}

  decode(bytes: socket.ByteQueue, ended: boolean): Resp | undefined {
    for (let value, array; (value = this.#value(bytes)) !== undefined;) {
      // The last item makes an array whole, and that may be the last item of another one.
      while ((array = this.#arrays.at(-1)) && array.items.push(value) === array.length) {
        value = this.#arrays.pop()!.items;
      }
      if (array === undefined) return value;
    }
    if (ended && this.#arrays.length + this.#bulk >= 0) throw bad("the end of the stream", bytes);
    return undefined;
  }

  /** Takes what has no items. A length is a claim: nothing is made by it before so much has come. */
  #value(bytes: socket.ByteQueue): Resp | undefined {
    while (this.#bulk < 0) {
      if (this.#arrays.length === 0) this.#end = bytes.offset + this.maxFrameLength;
      const end = bytes.indexOf(LF, Math.max(this.#searched - bytes.offset, 0));
      this.#searched = bytes.offset + (end < 0 ? bytes.length : end);
      if (this.#searched > this.#end) throw bad("too much", bytes);
      if (end < 0) return undefined;
      const [, type, text] = /^([-+:$*]?)(.*?)\r?\n$/s.exec(utf8.decode(bytes.take(end + 1)))!;
      const number = /^-?\d{1,15}$/.test(text!) ? Number(text) : NaN;
      if (type === "+") return text;
      if (type === "-") return new Error(text);
      if (type === ":" && !isNaN(number)) return number;
      const isInline = type === "" && this.inline && this.#arrays.length === 0;
      if (isInline && text!.trim() === "") continue;
      if (isInline) return command(...text!.trim().split(/\s+/));
      const isLength = type !== "" && number >= -1 && bytes.offset + number <= this.#end;
      if (!isLength || this.#arrays.length > 32) throw bad("nonsense", bytes);
      if (number < 0) return null;
      if (type === "$") this.#bulk = number;
      else if (number === 0) return [];
      else this.#arrays.push({ items: [], length: number });
    }
    if (bytes.length < this.#bulk + 2) return undefined;
    const value = bytes.take(this.#bulk);
    bytes.skip(2);
    this.#bulk = -1;
    return value;
  }
}
