// The PROXY protocol, version 1: one line of text (section 2.1 of the specification).
//
//   PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n
//   PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n
//   PROXY UNKNOWN[ whatever]\r\n
//
// Decision record: by the specification the word before the addresses is the family of both. nginx means only the
// client's: where another proxy named the client, the second address is the one that nginx itself was reached at, as
// in "TCP6 2001:db8::1 127.0.0.1". So the second may be of either family; each is passed on as it is.

import type { ByteQueue } from "../bytes/byte_queue.ts";
import { parseIpAddress } from "../base/ip_address.ts";
import { inOneFamily, ProxyHeader } from "./proxy_header.ts";
import { proxyHeaderError } from "./proxy_header_error.ts";

/** The longest line by the specification, CR LF included. */
export const V1_MAX_LENGTH = 107;

const SIGNATURE = "PROXY ";
const TCP4 = `${SIGNATURE}TCP4 `;
const TCP6 = `${SIGNATURE}TCP6 `;
const UNKNOWN = `${SIGNATURE}UNKNOWN `;
const UNKNOWN_LINE = `${SIGNATURE}UNKNOWN\r\n`;
const STARTS = [TCP4, TCP6, UNKNOWN, UNKNOWN_LINE];

const encoder = new TextEncoder();

/**
 * Reads a header off the front of a queue.
 *
 * @returns The header, its bytes taken from the queue; `undefined`, and nothing taken, while it is incomplete.
 * @throws {ProxyHeaderError} As soon as the bytes that are there cannot become one.
 */
export function parseV1(queue: ByteQueue): ProxyHeader | undefined {
  const text = String.fromCharCode(...queue.peek(Math.min(queue.length, V1_MAX_LENGTH)));
  const start = STARTS.find((known) => text.startsWith(known));
  if (start === undefined) {
    if (STARTS.some((known) => known.startsWith(text))) return undefined;
    if (!text.startsWith(SIGNATURE) && !SIGNATURE.startsWith(text)) {
      throw proxyHeaderError("signature", "it does not begin as one");
    }
    throw proxyHeaderError("family", "the protocol is not TCP4, TCP6 or UNKNOWN");
  }
  const isTcp = start === TCP4 || start === TCP6;
  const end = endOfLine(text, isTcp);
  if (end === undefined) return undefined;
  queue.skip(end + 2);
  return isTcp ? parseTcp(start, text.slice(0, end)) : new ProxyHeader({ version: 1 });
}

/** Writes a header. */
export function writeV1(header: ProxyHeader): Uint8Array<ArrayBuffer> {
  const [source, destination] = inOneFamily(header);
  if (source === undefined || destination === undefined) return encoder.encode(UNKNOWN_LINE);
  if (!("hostname" in source) || !("hostname" in destination)) {
    throw new TypeError("Cannot write a PROXY protocol header: version 1 has no Unix sockets");
  }
  const start = source.hostname.includes(":") ? TCP6 : TCP4;
  const ports = `${source.port} ${destination.port}`;
  return encoder.encode(`${start}${source.hostname} ${destination.hostname} ${ports}\r\n`);
}

function endOfLine(text: string, isTcp: boolean): number | undefined {
  const end = text.indexOf("\r\n");
  // Only the end of a line has a CR or an LF. A lone one is refused at once: its sender may wait for an answer, while
  // this end would wait for the rest of the line.
  const control = isTcp ? text.search(/\r[^\n]|\n/) : end;
  if (control >= 0 && (end < 0 || control < end)) {
    throw proxyHeaderError("line", "it is not ended by CR LF");
  }
  if (end < 0 && text.length === V1_MAX_LENGTH) {
    throw proxyHeaderError("too-long", `no line end in the first ${V1_MAX_LENGTH} bytes`);
  }
  return end < 0 ? undefined : end;
}

function parseTcp(start: string, line: string): ProxyHeader {
  const words = line.slice(start.length).split(" ");
  if (words.length !== 4) {
    throw proxyHeaderError("line", `${words.length} words after the protocol, not 4`);
  }
  const [from, to, fromPort, toPort] = words as [string, string, string, string];
  const family = start === TCP4 ? 32 : 128;
  return new ProxyHeader({
    version: 1,
    source: { transport: "tcp", hostname: parseHost(from, family), port: parsePort(fromPort) },
    destination: { transport: "tcp", hostname: parseHost(to), port: parsePort(toPort) },
  });
}

function parseHost(word: string, family?: 32 | 128): string {
  const bits = parseIpAddress(word)?.bits;
  if (bits !== undefined && (family === undefined || bits === family)) return word;
  const wanted = family === undefined ? "IP" : family === 32 ? "IPv4" : "IPv6";
  throw proxyHeaderError("address", `not an ${wanted} address: ${JSON.stringify(word)}`);
}

function parsePort(word: string): number {
  const port = Number(word);
  if (/^(?:0|[1-9]\d{0,4})$/.test(word) && port <= 65535) return port;
  throw proxyHeaderError("port", `not a port: ${JSON.stringify(word)}`);
}
