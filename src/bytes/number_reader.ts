// Numbers in bytes that may lie in several pieces. The names are those of DataView.

/** Eight bytes, for what only a DataView can make a number of. */
const scratch = new DataView(new ArrayBuffer(8));

/** Reads numbers at an offset; what has the bytes says what is there. */
export abstract class NumberReader {
  /** The byte at an offset, which must be less than the length. */
  abstract at(offset: number): number;

  /** How many bytes there are. */
  abstract get length(): number;

  /**
   * An unsigned integer of 1 to 8 bytes; of more than 2⁵³ the lowest bits are lost, see `getBigUint64`.
   *
   * @param offset Where it begins.
   * @param byteLength How many bytes it has.
   * @param littleEndian Whether its lowest byte comes first.
   */
  getUint(offset: number, byteLength: number, littleEndian?: boolean): number {
    let value = 0;
    for (let i = 0; i < byteLength; i++) {
      value = value * 256 + this.at(offset + (littleEndian ? byteLength - 1 - i : i));
    }
    return value;
  }

  /** A signed integer of 1 to 6 bytes, likewise. */
  getInt(offset: number, byteLength: number, littleEndian?: boolean): number {
    const value = this.getUint(offset, byteLength, littleEndian);
    const range = 2 ** (8 * byteLength);
    return value < range / 2 ? value : value - range;
  }

  /** The two bytes at an offset as a number, the highest first unless you say otherwise. */
  getUint16(offset: number, littleEndian?: boolean): number {
    return this.getUint(offset, 2, littleEndian);
  }

  /** Two bytes, signed. */
  getInt16(offset: number, littleEndian?: boolean): number {
    return this.getInt(offset, 2, littleEndian);
  }

  /** Three bytes. */
  getUint24(offset: number, littleEndian?: boolean): number {
    return this.getUint(offset, 3, littleEndian);
  }

  /** Four bytes. */
  getUint32(offset: number, littleEndian?: boolean): number {
    return this.getUint(offset, 4, littleEndian);
  }

  /** Four bytes, signed. */
  getInt32(offset: number, littleEndian?: boolean): number {
    return this.getInt(offset, 4, littleEndian);
  }

  /** Eight bytes. */
  getBigUint64(offset: number, littleEndian?: boolean): bigint {
    return this.#view(offset, 8).getBigUint64(0, littleEndian);
  }

  /** Eight bytes, signed. */
  getBigInt64(offset: number, littleEndian?: boolean): bigint {
    return this.#view(offset, 8).getBigInt64(0, littleEndian);
  }

  /** Four bytes, as a floating-point number. */
  getFloat32(offset: number, littleEndian?: boolean): number {
    return this.#view(offset, 4).getFloat32(0, littleEndian);
  }

  /** Eight bytes, as a floating-point number. */
  getFloat64(offset: number, littleEndian?: boolean): number {
    return this.#view(offset, 8).getFloat64(0, littleEndian);
  }

  /**
   * How many bytes a varint has: a number in groups of 7 bits, the lowest first, as Protocol Buffers and MQTT have it.
   *
   * @param offset Where it begins.
   * @param maxLength How many bytes it may have; 4 for MQTT.
   * @returns 0 where it has more than it may; `undefined` where it has not arrived whole.
   */
  varintLength(offset: number, maxLength?: number): number | undefined;
  varintLength(offset: number, maxLength = 8): number | undefined {
    for (let length = 1; length <= maxLength; length++) {
      if (offset + length > this.length) return undefined;
      if (this.at(offset + length - 1) < 128) return length;
    }
    return 0;
  }

  /**
   * The varint at an offset; of more than 2⁵³ the lowest bits are lost.
   *
   * @param offset Where it begins.
   * @param length How many bytes it has: see `varintLength`.
   */
  getVarint(offset: number, length: number): number {
    let value = 0;
    for (let i = length - 1; i >= 0; i--) value = value * 128 + (this.at(offset + i) & 127);
    return value;
  }

  #view(offset: number, byteLength: number): DataView {
    for (let i = 0; i < byteLength; i++) scratch.setUint8(i, this.at(offset + i));
    return scratch;
  }
}
