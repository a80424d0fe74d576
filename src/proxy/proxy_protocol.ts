// HAProxy's PROXY protocol: one header before everything else that a proxy sends.
//
// Pure: no await, no I/O, no clock. Whoever reads has to say first that a header must come; these functions
// never guess whether one is there.

import type { ByteQueue } from "../bytes/byte_queue.ts";
import type { ProxyHeader } from "./proxy_header.ts";
import { type ProxyHeaderError, proxyHeaderError } from "./proxy_header_error.ts";
import { parseV1, writeV1 } from "./proxy_v1.ts";
import { parseV2, V2_SIGNATURE, writeV2 } from "./proxy_v2.ts";

/**
 * Reads a header of either version off the front of a queue.
 *
 * @param queue What has been received. Call again, with the same queue, when more has come.
 * @param maxLength How long the header may be, in bytes; a version 1 header is never longer than 107.
 * @returns The header, its bytes taken from the queue and not one more; `undefined`, and nothing taken,
 * while it is incomplete.
 * @throws {ProxyHeaderError} As soon as the bytes that are there cannot become a header. What is in the queue
 * then is of no use.
 */
export function parseProxyHeader(queue: ByteQueue, maxLength: number): ProxyHeader | undefined {
  if (queue.length === 0) return undefined;
  return queue.at(0) === V2_SIGNATURE[0] ? parseV2(queue, maxLength) : parseV1(queue);
}

/**
 * Writes a header. It has to go out before anything else, at once.
 *
 * @throws {RangeError} If its TLVs are longer than a header can be.
 */
export function writeProxyHeader(header: ProxyHeader): Uint8Array<ArrayBuffer> {
  return header.version === 1 ? writeV1(header) : writeV2(header);
}

/** The error for a stream that ended when only `length` bytes of its header had come. */
export function truncatedHeaderError(length: number): ProxyHeaderError {
  return proxyHeaderError("truncated", `the stream ended after ${length} bytes`);
}
