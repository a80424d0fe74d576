// A codec for the Redis protocol (RESP2), for servers and for clients: a part of redis_server.ts.

import type { Codec, FrameBuffer } from "../codec.ts";
import { RespDecoder } from "./resp_decoder.ts";
import type { Resp } from "./resp_values.ts";

/** The options of the codec. */
export interface RespConfig {
  /** Whether commands typed by hand are understood, too, as a server does. */
  readonly inline?: boolean;
  /** The longest message in bytes. */
  readonly maxFrameLength?: number;
  /** How many items an array may have, or words a command; by default as many as in Redis. */
  readonly maxItems?: number;
  /** So many bytes are kept of all strings in bulk of a message: the rest counts for nothing. By default all are. */
  readonly cutAt?: number;
}

/** Makes the codec. */
export function respCodec(config: RespConfig = {}): Codec<Resp> {
  const { inline = false, maxFrameLength = 1_048_576, maxItems = 1_048_576, cutAt = Infinity } =
    config;
  return { decoder: () => new RespDecoder({ inline, maxFrameLength, maxItems, cutAt }), encode };
}

function encode(message: Resp, frames: FrameBuffer): void {
  if (message instanceof Uint8Array) {
    frames.write(`$${message.length}\r\n`);
    frames.write(message);
    frames.write("\r\n");
  } else if (Array.isArray(message)) {
    frames.write(`*${message.length}\r\n`);
    for (const item of message) encode(item, frames);
  } else if (message === null) {
    frames.write("$-1\r\n");
  } else if (typeof message === "number" || typeof message === "bigint") {
    frames.write(`:${message}\r\n`);
  } else {
    const line = message instanceof Error ? `-${message.message}` : `+${message}`;
    frames.write(line.replaceAll(/[\r\n]/g, " ") + "\r\n");
  }
}
