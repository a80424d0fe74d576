// A length in front of a message, as bytes.
//
//      |<- prefixOffset ->|<- prefixLength ->|<------- value + adjustment ------->|
//      +------------------+------------------+------------------------------------+
//      | other header     | value            | the rest of the frame              |
//      +------------------+------------------+------------------------------------+
//      |<- strip: dropped, what follows is the message
//
// A length is only a claim until the bytes have arrived: nothing is allocated for it.

import type { ByteQueue } from "../bytes/byte_queue.ts";
import { badFrame } from "../base/errors.ts";
import type { FrameBuffer } from "../bytes/frame_buffer.ts";

/** A varint that is longer is refused; five bytes say lengths up to 32 GiB. */
const LONGEST_VARINT = 5;

/** The highest length of each kind of prefix; for eight bytes a lower one, so that the arithmetic is exact. */
export const LONGEST_VALUES = {
  1: 0xff,
  2: 0xffff,
  3: 0xff_ffff,
  4: 0xffff_ffff,
  8: 2 ** 52,
  varint: 2 ** (7 * LONGEST_VARINT) - 1,
} as const;

/** A checked format. */
export interface LengthPrefix {
  /** How many bytes the length has. */
  readonly prefixLength: keyof typeof LONGEST_VALUES;
  /** Whether its lowest byte comes first. */
  readonly littleEndian: boolean;
  /** How many bytes precede it. */
  readonly prefixOffset: number;
  /** What to add to it to get the number of bytes behind it. */
  readonly adjustment: number;
  /** How many bytes to drop; `undefined` for everything up to the end of the length. */
  readonly strip: number | undefined;
}

/** The head of a frame, read. */
export class FrameHead {
  readonly #format: LengthPrefix;
  /** How many bytes follow the length; negative in a bad frame. */
  length = 0;
  /** How many bytes the whole frame has. */
  frameLength = 0;
  /** How many of them are dropped. */
  strip = 0;

  constructor(format: LengthPrefix) {
    this.#format = format;
  }

  /** Reads the head of the first frame; whether it has arrived whole. */
  read(bytes: ByteQueue): boolean {
    const { prefixOffset, prefixLength, littleEndian, adjustment, strip } = this.#format;
    let value;
    let end = prefixOffset;
    if (prefixLength === "varint") {
      const length = bytes.varintLength(prefixOffset, LONGEST_VARINT);
      if (length === undefined) return false;
      if (length === 0) {
        const at = bytes.offset + prefixOffset;
        throw badFrame(`the length at byte ${at} has more than ${LONGEST_VARINT} bytes`);
      }
      value = bytes.getVarint(prefixOffset, length);
      end += length;
    } else {
      end += prefixLength;
      if (bytes.length < end) return false;
      value = bytes.getUint(prefixOffset, prefixLength, littleEndian);
      if (value > LONGEST_VALUES[8]) {
        throw badFrame(`the length at byte ${bytes.offset + prefixOffset} is more than any stream`);
      }
    }
    this.length = value + adjustment;
    this.frameLength = end + this.length;
    this.strip = strip ?? end;
    return true;
  }
}

/** Writes a length, which must fit the prefix. */
export function writePrefix(format: LengthPrefix, value: number, frames: FrameBuffer): void {
  const { prefixLength, littleEndian } = format;
  if (prefixLength === "varint") frames.writeVarint(value);
  else frames.writeUint(value, prefixLength, littleEndian);
}
