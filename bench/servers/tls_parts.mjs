// What everybody in the TLS bench has in common: certificates, and what the parts of its work are.
import process from "node:process";

/** A sink answers so often, a source sends so much for each byte that it gets. */
export const AMOUNT = 1024 * 1024;
const BULK = new Uint8Array(AMOUNT).fill(99);
/** A small message, and its half. */
export const MESSAGE = new Uint8Array(64).fill(97);
export const HALF = MESSAGE.subarray(32);

/** What bulk is written in, of so many KiB: whoever asks a source for more says so in each byte. */
export function chunkOf(kibibytes) {
  return BULK.subarray(0, kibibytes * 1024);
}

/** The server's certificate and its key. */
export function identity() {
  return { cert: process.env.BENCH_TLS_CERT ?? "", key: process.env.BENCH_TLS_KEY ?? "" };
}
