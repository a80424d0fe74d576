/**
 * For authors of codecs: the bytes that a codec decodes from, and those it encodes to.
 *
 * @module
 */

export { ByteQueue } from "./src/bytes/byte_queue.ts";
export type { NumberReader } from "./src/bytes/number_reader.ts";
export { type Encoder, FrameBuffer } from "./src/bytes/frame_buffer.ts";
export type { NumberWriter } from "./src/bytes/number_writer.ts";
export type { AnyCodec, Codec, Decoder, ReceivingCodec } from "./src/framing/codec.ts";
export { type Part, type PartReader, stepDecoder } from "./src/framing/step_decoder.ts";
