// A decoder written down as it is read: one part of a message after the other, each by its own rule.
//
// The function that does so is a generator, so it may stop wherever the rest has not arrived, and goes on from there:
// no byte is looked at twice. A part leaves the queue as soon as it is whole.

import { giveUp, refusePromise } from "../base/user_code.ts";
import { contentBytes } from "../base/arguments.ts";
import { badFrame, isSocketError, reasonOf } from "../base/errors.ts";
import { readOptions } from "../base/options.ts";
import type { ByteQueue } from "../bytes/byte_queue.ts";
import { DelimiterSearch } from "../bytes/delimiter_search.ts";
import { textOf } from "../bytes/utf8.ts";
import { cutOff, type Decoder } from "./codec.ts";
import { type FrameConfig, maxFrameLengthOf } from "./frame_config.ts";

/** Reading a part of a message: `yield*` gives it. */
export type Part<T> = Generator<void, T, void>;

const LINE_FEED = Uint8Array.of(0x0a);
const CR = 0x0d;

/** How much of the limit a part takes: parts without bytes must not be had without end. */
const costOf = (length: number): number => Math.max(1, length);

/**
 * What reads the parts of one message, each with `yield*`. All of them together have at most `maxFrameLength` bytes.
 * Delimiters and the ends of lines count as well, and a part without bytes counts as one byte: so the limit is also one
 * for how many parts a peer can put into a message.
 */
export class PartReader {
  readonly #maxFrameLength: number;
  #queue!: ByteQueue;
  #hasEnded = false;
  #start = 0;
  #left = 0;

  /**
   * Made by `stepDecoder`.
   *
   * @param maxFrameLength How many bytes a message may have.
   */
  constructor(maxFrameLength: number) {
    this.#maxFrameLength = maxFrameLength;
  }

  /** The next bytes. */
  *bytes(length: number): Part<Uint8Array<ArrayBuffer>> {
    yield* this.#have(length);
    this.#left -= costOf(length);
    return this.#queue.take(length);
  }

  /** The next byte. */
  *byte(): Part<number> {
    return yield* this.uint(1);
  }

  /** An unsigned integer of 1 to 8 bytes, as `ByteQueue.getUint` has it. */
  *uint(byteLength: number, littleEndian?: boolean): Part<number> {
    yield* this.#have(byteLength);
    const value = this.#queue.getUint(0, byteLength, littleEndian);
    this.#drop(byteLength);
    return value;
  }

  /** A varint, as `ByteQueue.getVarint` has it, of at most so many bytes. */
  varint(maxLength?: number): Part<number>;
  *varint(maxLength = 8): Part<number> {
    let length;
    while ((length = this.#queue.varintLength(0, maxLength)) === undefined) yield;
    if (length === 0) throw this.#bad(`has a varint of more than ${maxLength} bytes`);
    yield* this.#have(length);
    const value = this.#queue.getVarint(0, length);
    this.#drop(length);
    return value;
  }

  /** The bytes up to a delimiter, which is dropped. */
  *until(delimiter: Uint8Array | string): Part<Uint8Array<ArrayBuffer>> {
    const bytes = Uint8Array.from(contentBytes(delimiter));
    if (bytes.length === 0) throw new RangeError("delimiter must have at least one byte");
    return yield* this.#until(bytes, false);
  }

  /** A line of UTF-8, without its LF or CRLF. */
  *line(): Part<string> {
    const text = textOf(yield* this.#until(LINE_FEED, true), "strict");
    if (text === undefined) throw this.#bad("has a line that is not UTF-8");
    return text;
  }

  /** Everything up to the end of the stream. */
  *toEnd(): Part<Uint8Array<ArrayBuffer>> {
    for (; !this.#hasEnded; yield) this.#check(this.#queue.length);
    return yield* this.bytes(this.#queue.length);
  }

  /** Begins with the next message. For whoever calls the generator. */
  begin(queue: ByteQueue): void {
    this.#queue = queue;
    this.#start = queue.offset;
    this.#left = this.#maxFrameLength;
  }

  /** Goes on. For whoever calls the generator. */
  goOn(queue: ByteQueue, hasEnded: boolean): void {
    this.#queue = queue;
    this.#hasEnded = hasEnded;
  }

  *#until(delimiter: Uint8Array<ArrayBuffer>, isLine: boolean): Part<Uint8Array<ArrayBuffer>> {
    const search = new DelimiterSearch(delimiter);
    let end;
    while ((end = search.findEnd(this.#queue)) < 0) {
      // What has begun the delimiter may be all of the part's end that is missing.
      this.#check(this.#queue.length - search.matched + delimiter.length);
      yield;
    }
    this.#check(end);
    this.#left -= end;
    let length = end - delimiter.length;
    if (isLine && length > 0 && this.#queue.at(length - 1) === CR) length--;
    const bytes = this.#queue.take(length);
    this.#queue.skip(end - length);
    return bytes;
  }

  *#have(length: number): Part<void> {
    if (!Number.isSafeInteger(length) || length < 0) {
      throw this.#bad(`has a part of ${length} bytes`);
    }
    this.#check(length);
    while (this.#queue.length < length) yield;
  }

  #drop(length: number): void {
    this.#left -= costOf(length);
    this.#queue.skip(length);
  }

  /** Checks that a part of so many bytes is allowed. */
  #check(length: number): void {
    if (costOf(length) <= this.#left) return;
    const isEmpty = length === 0 ? ", an empty part counted as one" : "";
    throw this.#bad(`is longer than ${this.#maxFrameLength} bytes${isEmpty}`);
  }

  #bad(why: string): Error {
    return badFrame(`the message at byte ${this.#start} ${why}`);
  }
}

/**
 * Makes a decoder that reads a message part by part: a line and then as many bytes as it says, as HTTP, memcached,
 * NATS, Redis and SIP have it.
 *
 * @param parse Reads one message with `yield*`, at least one byte of it, and returns it. What it throws makes the
 * message a bad one. What it has read then is taken, and where the next message begins is up to the format: mostly
 * nobody knows, so close.
 * @param config The limit: all bytes of a message count, see {@linkcode PartReader}.
 *
 * @example A command in a line, and its data
 * ```ts
 * import { type Codec, stepDecoder } from "socket/codec.ts";
 *
 * const commands: Codec<{ name: string; data: Uint8Array }, string> = {
 *   decoder: () =>
 *     stepDecoder(function* (read) {
 *       const [name = "", length] = (yield* read.line()).split(" ");
 *       const data = yield* read.bytes(Number(length ?? 0));
 *       return { name, data };
 *     }, { maxFrameLength: 65_536 }),
 *   encode: (reply, frames) => frames.write(`${reply}\r\n`),
 * };
 * ```
 */
export function stepDecoder<In>(
  parse: (read: PartReader) => Generator<void, In, void>,
  config?: Pick<FrameConfig, "maxFrameLength">,
): Decoder<In>;
export function stepDecoder<In>(
  parse: (read: PartReader) => Generator<void, In, void>,
  config: Pick<FrameConfig, "maxFrameLength"> = {},
): Decoder<In> {
  if (typeof parse !== "function") throw new TypeError("parse must be a generator function");
  const options = readOptions<FrameConfig>("config", config, ["maxFrameLength"]);
  return new StepDecoder(parse, maxFrameLengthOf(options));
}

class StepDecoder<In> implements Decoder<In> {
  readonly #parse: (read: PartReader) => Generator<void, In, void>;
  readonly #read: PartReader;
  #parsing: Generator<void, In, void> | undefined;
  #start = 0;

  constructor(parse: (read: PartReader) => Generator<void, In, void>, maxFrameLength: number) {
    this.#parse = parse;
    this.#read = new PartReader(maxFrameLength);
  }

  get holdsPart(): boolean {
    return this.#parsing !== undefined;
  }

  decode(bytes: ByteQueue, ended: boolean): In | undefined {
    if (this.#parsing === undefined) {
      if (bytes.length === 0) return undefined;
      this.#start = bytes.offset;
      this.#read.begin(bytes);
      const parsing = this.#parse(this.#read);
      refusePromise("parse", parsing);
      if (
        typeof (parsing as Partial<typeof parsing> | undefined)?.next !== "function" ||
        Symbol.asyncIterator in parsing
      ) {
        throw new TypeError("parse must be a generator function, and not async");
      }
      this.#parsing = parsing;
    }
    this.#read.goOn(bytes, ended);
    const step = this.#next(this.#parsing);
    refusePromise("parse", step.value);
    if (step.done === true) return this.#checked(step.value, bytes);
    if (!ended) return undefined;
    this.#parsing = undefined;
    throw cutOff(bytes, undefined, this.#start);
  }

  #next(parsing: Generator<void, In, void>): IteratorResult<void, In> {
    try {
      const step = parsing.next();
      if (step.done === true) this.#parsing = undefined;
      return step;
    } catch (cause) {
      this.#parsing = undefined;
      if (isSocketError(cause)) throw cause;
      giveUp(cause);
      throw badFrame(`the message at byte ${this.#start} was refused: ${reasonOf(cause)}`, cause);
    }
  }

  #checked(message: In, bytes: ByteQueue): In {
    if (message === undefined) throw new TypeError("parse must return a message: got undefined");
    // It would do so for ever.
    if (bytes.offset === this.#start) {
      throw new TypeError("parse must read at least one byte of each message");
    }
    return message;
  }
}
