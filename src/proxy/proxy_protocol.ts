// HAProxy's PROXY protocol: one header before everything else that a proxy sends.
//
// Pure: no await, no I/O, no clock. The caller must know that a header comes first; these functions never guess
// whether there is one.

import type { ByteQueue } from "../bytes/byte_queue.ts";
import type { ProxyHeader } from "./proxy_header.ts";
import { type ProxyHeaderError, proxyHeaderError } from "./proxy_header_error.ts";
import { parseV1, writeV1 } from "./proxy_v1.ts";
import { parseV2, V2_SIGNATURE, writeV2 } from "./proxy_v2.ts";

/**
 * Reads a header of either version off the front of a queue.
 *
 * @param queue What has been received. Call again, with the same queue, when more has arrived.
 * @param maxLength How long the header may be, in bytes; a version 1 header is never longer than 107.
 * @returns The header, exactly its bytes taken from the queue; `undefined`, and nothing taken, while it is incomplete.
 * @throws {ProxyHeaderError} As soon as the bytes that are there cannot become a header. What is in the queue
 * then is of no use.
 */
export function parseProxyHeader(queue: ByteQueue, maxLength: number): ProxyHeader | undefined {
  if (queue.length === 0) return undefined;
  return queue.at(0) === V2_SIGNATURE[0] ? parseV2(queue, maxLength) : parseV1(queue);
}

/**
 * Writes a header. It must be sent before anything else, in one piece.
 *
 * @throws {RangeError} If its TLVs are longer than a header can be.
 */
export function writeProxyHeader(header: ProxyHeader): Uint8Array<ArrayBuffer> {
  return header.version === 1 ? writeV1(header) : writeV2(header);
}

/** The error for a stream that ended after `length` bytes of its header. */
export function truncatedHeaderError(length: number): ProxyHeaderError {
  return proxyHeaderError("truncated", `the stream ended after ${length} bytes`);
}
