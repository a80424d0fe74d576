// Reads and writes all bytes, where a transport may take only some at once.

import type { Transport } from "../../src/network/network.ts";
import { joined } from "./joined.ts";

/**
 * Reads until that many bytes have arrived, or the end; never more.
 *
 * @param size How many are asked for at once.
 */
export async function readAll(
  transport: Transport,
  length = Infinity,
  size = 64 * 1024,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const buffer = new Uint8Array(size);
  let total = 0;
  while (total < length) {
    const count = await transport.read(buffer.subarray(0, length - total));
    if (count === null) break;
    if (count === 0) throw new Error("A read gave nothing");
    chunks.push(buffer.slice(0, count));
    total += count;
  }
  return joined(chunks);
}

/** Writes all of it. */
export async function writeAll(transport: Transport, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await transport.write(bytes.subarray(at));
}
