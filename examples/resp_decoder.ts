// Finds Redis messages in a stream, looking at each byte once: a part of examples/resp_codec.ts.

import type { ByteQueue, Decoder } from "../codec.ts";
import type { RespConfig } from "./resp_codec.ts";
import { bad, RespString } from "./resp_string.ts";
import { commandOf, lineIn, numberIn, type Resp, skipBlanks, wordsIn } from "./resp_values.ts";

const LF = Uint8Array.of(10);

export class RespDecoder implements Decoder<Resp> {
  #arrays: { items: Resp[]; length: number }[] = []; // not complete yet, the innermost last
  readonly #string = new RespString(); // one in bulk, of which the length is known
  #end = 0; // where in the stream the message must have ended
  #room = 0; // how many bytes of strings in bulk it may still have: what is more is cut
  #searched = 0; // up to where in the stream there is no line feed
  constructor(readonly config: Required<RespConfig>) {}

  get holdsPart(): boolean {
    return this.#arrays.length > 0 || this.#string.isAwaited;
  }

  decode(bytes: ByteQueue, ended: boolean): Resp | undefined {
    for (let value, array; (value = this.#value(bytes)) !== undefined;) {
      // The last item completes an array, which may be the last item of another one.
      while ((array = this.#arrays.at(-1)) && array.items.push(value) === array.length) {
        value = this.#arrays.pop()!.items;
      }
      if (array === undefined) return value;
    }
    if (ended && this.holdsPart) throw bad("the end of the stream", bytes);
    return undefined;
  }

  /** Takes a value without items. A length is only a claim: no memory is taken before that much has arrived. */
  #value(bytes: ByteQueue): Resp | undefined {
    const { inline, maxFrameLength, maxItems, cutAt } = this.config;
    while (!this.#string.isAwaited) {
      const isItem = this.#arrays.length > 0;
      if (!isItem && inline) skipBlanks(bytes);
      if (!isItem) [this.#end, this.#room] = [bytes.offset + maxFrameLength, cutAt];
      const end = bytes.indexOf(LF, Math.max(this.#searched - bytes.offset, 0));
      this.#searched = bytes.offset + (end < 0 ? bytes.length : end);
      if (this.#searched > this.#end) throw bad("too much", bytes);
      if (end < 0) return undefined;
      const line = bytes.take(end + 1);
      const [type, number] = [String.fromCharCode(line[0]!), numberIn(line)];
      // What clients say is an array of strings, or a line.
      if (inline && isItem && type !== "$") throw bad("nonsense", bytes);
      if (inline && !isItem && type !== "*") {
        const words = wordsIn(line, maxItems + 1);
        if (words.length <= maxItems) return commandOf(words);
        throw bad("too many items", bytes);
      }
      const whole = lineIn(line);
      if (whole !== undefined) return whole;
      if (type !== "$" && type !== "*") throw bad("nonsense", bytes);
      if (number === -1) return null;
      const kept = type === "$" ? Math.min(number, this.#room) : number;
      this.#end += number - kept; // what is cut off does not count
      if (!(number >= 0 && bytes.offset + number <= this.#end)) throw bad("nonsense", bytes);
      if (type === "$") this.#room -= kept;
      if (type === "$") this.#string.begin(number, kept);
      else if (number === 0) return [];
      else if (number > maxItems) throw bad("too many items", bytes);
      else if (this.#arrays.push({ items: [], length: number }) > 32) throw bad("depth", bytes);
    }
    return this.#string.take(bytes);
  }
}
