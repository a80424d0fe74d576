// Numbers as bytes, at the end of what is gathered. A number that does not fit is refused: cut to its lowest bits it
// would be another one for the peer. The names are those of DataView.

import { shown } from "../base/arguments.ts";

/** Eight bytes, for what only a DataView can make bytes of. */
const scratch = new DataView(new ArrayBuffer(8));

/** Writes numbers; what gathers the bytes takes them one by one. */
export abstract class NumberWriter {
  /** Adds one byte at the end. */
  abstract writeByte(byte: number): void;

  /**
   * Adds an unsigned integer of 1 to 8 bytes, at most 2⁵³ - 1.
   *
   * @param value The number.
   * @param byteLength How many bytes it gets.
   * @param littleEndian Whether its lowest byte comes first.
   * @throws {RangeError} It is no integer, or does not fit.
   */
  writeUint(value: number, byteLength: number, littleEndian?: boolean): void {
    checkFits(value, 0, 2 ** (8 * byteLength) - 1, `${byteLength} bytes`);
    this.#writeBytes(value, byteLength, littleEndian);
  }

  /** Adds a signed integer of 1 to 6 bytes, likewise. */
  writeInt(value: number, byteLength: number, littleEndian?: boolean): void {
    const range = 2 ** (8 * byteLength);
    checkFits(value, -range / 2, range / 2 - 1, `${byteLength} bytes`);
    this.#writeBytes(value < 0 ? value + range : value, byteLength, littleEndian);
  }

  /** Adds two bytes, the highest first unless you say otherwise. */
  writeUint16(value: number, littleEndian?: boolean): void {
    this.writeUint(value, 2, littleEndian);
  }

  /** Adds two bytes, signed. */
  writeInt16(value: number, littleEndian?: boolean): void {
    this.writeInt(value, 2, littleEndian);
  }

  /** Adds three bytes. */
  writeUint24(value: number, littleEndian?: boolean): void {
    this.writeUint(value, 3, littleEndian);
  }

  /** Adds four bytes. */
  writeUint32(value: number, littleEndian?: boolean): void {
    this.writeUint(value, 4, littleEndian);
  }

  /** Adds four bytes, signed. */
  writeInt32(value: number, littleEndian?: boolean): void {
    this.writeInt(value, 4, littleEndian);
  }

  /** Adds eight bytes. */
  writeBigUint64(value: bigint, littleEndian?: boolean): void {
    if (BigInt.asUintN(64, value) !== value) throw tooLarge(value, "8 bytes");
    scratch.setBigUint64(0, value, littleEndian);
    this.#writeScratch(8);
  }

  /** Adds eight bytes, signed. */
  writeBigInt64(value: bigint, littleEndian?: boolean): void {
    if (BigInt.asIntN(64, value) !== value) throw tooLarge(value, "8 bytes with a sign");
    scratch.setBigInt64(0, value, littleEndian);
    this.#writeScratch(8);
  }

  /** Adds a floating-point number of four bytes. */
  writeFloat32(value: number, littleEndian?: boolean): void {
    scratch.setFloat32(0, value, littleEndian);
    this.#writeScratch(4);
  }

  /** Adds a floating-point number of eight bytes. */
  writeFloat64(value: number, littleEndian?: boolean): void {
    scratch.setFloat64(0, value, littleEndian);
    this.#writeScratch(8);
  }

  /**
   * Adds a varint: groups of 7 bits, the lowest first, as Protocol Buffers and MQTT have it.
   *
   * @param value The number, from 0 to 2⁵³ - 1.
   * @throws {RangeError} It is none of those.
   */
  writeVarint(value: number): void {
    checkFits(value, 0, Number.MAX_SAFE_INTEGER, "a varint");
    for (; value > 127; value = Math.floor(value / 128)) this.writeByte((value % 128) | 128);
    this.writeByte(value);
  }

  #writeBytes(value: number, byteLength: number, littleEndian: boolean | undefined): void {
    for (let i = 0; i < byteLength; i++) {
      this.writeByte(Math.floor(value / 256 ** (littleEndian ? i : byteLength - 1 - i)) % 256);
    }
  }

  #writeScratch(byteLength: number): void {
    for (let i = 0; i < byteLength; i++) this.writeByte(scratch.getUint8(i));
  }
}

function checkFits(value: number, least: number, most: number, into: string): void {
  if (!Number.isSafeInteger(value) || value < least || value > most) throw tooLarge(value, into);
}

function tooLarge(value: unknown, into: string): RangeError {
  return new RangeError(`Cannot write ${shown(value)} as ${into}`);
}
