/**
 * For authors of codecs: the bytes that a codec decodes from, and those it encodes to.
 *
 * @module
 */

export { ByteQueue } from "./src/bytes/byte_queue.ts";
export { type Encoder, FrameBuffer } from "./src/bytes/frame_buffer.ts";
export type { Codec, Decoder } from "./src/framing/codec.ts";
