// What all in the TLS bench share: certificates, and the sizes of its works.
import process from "node:process";

/** A sink answers once for this many bytes; a source sends this many for each byte that it gets. */
export const AMOUNT = 1024 * 1024;
const BULK = new Uint8Array(AMOUNT).fill(99);
/** A small message, and its half. */
export const MESSAGE = new Uint8Array(64).fill(97);
export const HALF = MESSAGE.subarray(32);

/** A piece of bulk, of that many KiB; each byte sent to a source names its size. */
export function chunkOf(kibibytes) {
  return BULK.subarray(0, kibibytes * 1024);
}

/** The server's certificate and its key. */
export function identity() {
  return { cert: process.env.BENCH_TLS_CERT ?? "", key: process.env.BENCH_TLS_KEY ?? "" };
}
