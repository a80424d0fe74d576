// What a proxy says beyond addresses: type-length-value triples, PROXY protocol section 2.2.
//
// A triple is one byte of type, two of length, and the value. The TLS triple holds triples of its own.

import { proxyHeaderError } from "./proxy_header_error.ts";

/** One thing that a proxy says about a connection. */
export interface ProxyTlv {
  /** What it is, from 0 to 255; the registered ones are in {@linkcode PROXY_TLV}. */
  readonly type: number;
  /** What it says, at most 65,535 bytes. */
  readonly value: Uint8Array<ArrayBuffer>;
}

/** The registered types; 0xE0 to 0xEF are an application's own. */
export const PROXY_TLV = {
  /** The protocol that was agreed on during the TLS handshake, such as `h2`. */
  ALPN: 0x01,
  /** The host name the client asked for (TLS server name). */
  AUTHORITY: 0x02,
  /** The checksum of the whole header. */
  CRC32C: 0x03,
  /** Padding. */
  NOOP: 0x04,
  /** What the proxy calls this connection, at most 128 bytes. */
  UNIQUE_ID: 0x05,
  /** How the client's connection is secured; see {@linkcode ProxyTls}. */
  TLS: 0x20,
  /** Inside {@linkcode PROXY_TLV.TLS}: the version, such as `TLSv1.3`. */
  TLS_VERSION: 0x21,
  /** Inside {@linkcode PROXY_TLV.TLS}: the common name in the client's certificate. */
  TLS_COMMON_NAME: 0x22,
  /** Inside {@linkcode PROXY_TLV.TLS}: the cipher suite. */
  TLS_CIPHER: 0x23,
  /** Inside {@linkcode PROXY_TLV.TLS}: how the proxy's certificate is signed. */
  TLS_SIGNATURE_ALGORITHM: 0x24,
  /** Inside {@linkcode PROXY_TLV.TLS}: the key of the proxy's certificate. */
  TLS_KEY_ALGORITHM: 0x25,
  /** The network namespace at the proxy. */
  NETWORK_NAMESPACE: 0x30,
} as const;

/** How the connection between the client and the proxy is secured, as the proxy says. */
export interface ProxyTls {
  /** Whether the client came over TLS. */
  readonly isSecure: boolean;
  /** Whether the client showed a certificate, on this connection or earlier in its TLS session. */
  readonly hasClientCertificate: boolean;
  /** Whether the client's certificate was checked and found good. */
  readonly isClientVerified: boolean;
  /** The version of TLS. */
  readonly version: string | undefined;
  /** The common name in the client's certificate. */
  readonly commonName: string | undefined;
  /** The cipher suite. */
  readonly cipher: string | undefined;
  /** Everything the proxy says about it, the fields above included. */
  readonly tlvs: readonly ProxyTlv[];
}

const CLIENT_TLS = 0x01;
const CLIENT_CERTIFICATE = 0x02 | 0x04;

/** Bytes before the value of a triple. */
export const TLV_PREFIX_LENGTH = 3;

// Here a byte order mark is a character like any other.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Reads triples until the end of `bytes`. The values are views into them.
 *
 * @throws {GenericError} `"frame"` if the last one is cut off.
 */
export function parseTlvs(bytes: Uint8Array<ArrayBuffer>): ProxyTlv[] {
  const tlvs: ProxyTlv[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const start = offset + TLV_PREFIX_LENGTH;
    // A length that is cut off counts as 0 here, and the end is out of range all the same.
    const end = start + (bytes[offset + 1]! << 8 | bytes[offset + 2]!);
    if (end > bytes.length) {
      throw proxyHeaderError("tlv", `a value ends ${end - bytes.length} bytes behind the header`);
    }
    tlvs.push({ type: bytes[offset]!, value: bytes.subarray(start, end) });
    offset = end;
  }
  return tlvs;
}

/** Writes triples at an offset and returns the offset behind them. */
export function writeTlvs(
  tlvs: readonly ProxyTlv[],
  target: Uint8Array<ArrayBuffer>,
  offset: number,
): number {
  for (const { type, value } of tlvs) {
    target[offset++] = type;
    target[offset++] = value.length >> 8;
    target[offset++] = value.length & 0xff;
    target.set(value, offset);
    offset += value.length;
  }
  return offset;
}

/** How many bytes the triples take. */
export function lengthOfTlvs(tlvs: readonly ProxyTlv[]): number {
  let length = 0;
  for (const { value } of tlvs) length += TLV_PREFIX_LENGTH + value.length;
  return length;
}

/** The value of the first triple of a type. */
export function valueOf(
  tlvs: readonly ProxyTlv[],
  type: number,
): Uint8Array<ArrayBuffer> | undefined {
  return tlvs.find((tlv) => tlv.type === type)?.value;
}

/** The value of the first triple of a type, as text. */
export function textOf(tlvs: readonly ProxyTlv[], type: number): string | undefined {
  const value = valueOf(tlvs, type);
  return value === undefined ? undefined : decoder.decode(value);
}

/**
 * Reads the value of a TLS triple.
 *
 * @throws {GenericError} `"frame"` if it is too short or a triple inside is cut off.
 */
export function parseTls(value: Uint8Array<ArrayBuffer>): ProxyTls {
  // One byte of flags, four of the result of checking the certificate: 0 is good.
  if (value.length < 5) {
    throw proxyHeaderError("tlv", `the TLS value has ${value.length} bytes, not 5 at least`);
  }
  const flags = value[0]!;
  const hasClientCertificate = (flags & CLIENT_CERTIFICATE) !== 0;
  const tlvs = parseTlvs(value.subarray(5));
  return {
    isSecure: (flags & CLIENT_TLS) !== 0,
    hasClientCertificate,
    // The result is also 0 for a client without a certificate: nothing went wrong.
    isClientVerified: hasClientCertificate && value.subarray(1, 5).every((byte) => byte === 0),
    version: textOf(tlvs, PROXY_TLV.TLS_VERSION),
    commonName: textOf(tlvs, PROXY_TLV.TLS_COMMON_NAME),
    cipher: textOf(tlvs, PROXY_TLV.TLS_CIPHER),
    tlvs,
  };
}
