// Certificates with any content, byte for byte, also such as no tool would make.

import { generateKeyPairSync, type KeyObject } from "node:crypto";

const DAY = 24 * 60 * 60 * 1000;

/** A value in DER. */
export function der(tag: number, ...contents: (Uint8Array | number[])[]): Uint8Array {
  const content = Uint8Array.from(contents.flatMap((part) => Array.from(part)));
  const { length } = content;
  const size = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  return Uint8Array.from([tag, ...size, ...content]);
}

/** Text as bytes, one for each character where possible. */
export function bytesOf(text: string): Uint8Array {
  return [...text].every((character) => character <= "\xff")
    ? Uint8Array.from(text, (character) => character.charCodeAt(0))
    : new TextEncoder().encode(text);
}

/** An object identifier. */
export function oid(text: string): Uint8Array {
  const [first, second, ...others] = text.split(".").map(Number) as [number, number, ...number[]];
  const bytes: number[] = [];
  for (const number of [first * 40 + second, ...others]) {
    const digits = [number & 0x7f];
    for (let rest = number >> 7; rest > 0; rest >>= 7) digits.unshift(rest & 0x7f | 0x80);
    bytes.push(...digits);
  }
  return der(0x06, bytes);
}

/** A part of a name: what it is, and its text. */
export type RawPart = readonly [oid: string, text: string, tag?: number];

/** A name of levels, each with its parts. */
export function rawName(...levels: (readonly RawPart[])[]): Uint8Array {
  return der(
    0x30,
    ...levels.map((parts) =>
      der(
        0x31,
        ...parts.map(([type, text, tag = 0x0c]) => der(0x30, oid(type), der(tag, bytesOf(text)))),
      )
    ),
  );
}

/** A name that a certificate is valid for. */
export const dns = (name: string) => der(0x82, bytesOf(name));
export const uri = (name: string) => der(0x86, bytesOf(name));
export const email = (name: string) => der(0x81, bytesOf(name));
export const ip = (...bytes: number[]) => der(0x87, bytes);

/** A key in its two parts. */
export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Makes a key of any kind. */
export const keysOf = generateKeyPairSync as unknown as (kind: string, options?: object) => KeyPair;

/** The contents of a certificate to make. */
export interface RawWish {
  readonly subject?: Uint8Array;
  /** The names that it is valid for; without any, it has no such extension. */
  readonly names?: readonly Uint8Array[];
  /** What replaces that extension. */
  readonly rawNames?: Uint8Array;
  /** Whether it may sign others; left out where it does not say. */
  readonly isAuthority?: boolean;
  /** Whether it has the version of certificates without extensions. */
  readonly isFirstVersion?: boolean;
  /** Whether it signs itself. */
  readonly isOwn?: boolean;
  /** Identifier of what it is for. */
  readonly purpose?: string;
  /** The end of its validity, in days from now. */
  readonly days?: number;
  /** Its key, where it is not one of P-256. */
  readonly keys?: KeyPair;
}

/** A certificate and its key. */
export interface RawCertificate {
  readonly der: Uint8Array;
  readonly cert: string;
  readonly key: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const SIGNED = der(0x30, oid("1.2.840.10045.4.3.2"));
const AUTHORITY = rawName([["2.5.4.3", "Raw Tests"]]);
const LOCALHOST = rawName([["2.5.4.3", "localhost"]]);

/** Signs whatever it is asked to. */
export class RawAuthority {
  readonly cert: string;
  readonly #keys: CryptoKeyPair;

  private constructor(cert: string, keys: CryptoKeyPair) {
    this.cert = cert;
    this.#keys = keys;
  }

  /** Makes an authority with a key of its own. */
  static async make(): Promise<RawAuthority> {
    const keys = await makeKeys();
    const made = await certify(
      { subject: AUTHORITY, isAuthority: true },
      AUTHORITY,
      keys,
      keys.privateKey,
    );
    return new RawAuthority(pem("CERTIFICATE", made), keys);
  }

  /** Makes a certificate. */
  async sign(wish: RawWish): Promise<RawCertificate> {
    const keys = await makeKeys();
    const { subject = LOCALHOST, isOwn = false } = wish;
    const made = await certify(
      wish,
      isOwn ? subject : AUTHORITY,
      keys,
      isOwn ? keys.privateKey : this.#keys.privateKey,
    );
    const key = wish.keys === undefined
      ? pem("PRIVATE KEY", new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey)))
      : wish.keys.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    return { der: made, cert: pem("CERTIFICATE", made), key };
  }
}

function makeKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as Promise<CryptoKeyPair>;
}

async function certify(
  wish: RawWish,
  issuer: Uint8Array,
  { publicKey }: CryptoKeyPair,
  signer: CryptoKey,
): Promise<Uint8Array> {
  const { subject = LOCALHOST, isFirstVersion = false, days = 7 } = wish;
  const time = (at: number) =>
    der(0x17, bytesOf(new Date(at).toISOString().replace(/^..|[-:T]|\.\d+/g, "")));
  const extensions = extensionsOf(wish);
  const fields = der(
    0x30,
    isFirstVersion ? [] : der(0xa0, der(0x02, [2])),
    der(0x02, [0x40, ...crypto.getRandomValues(new Uint8Array(7))]),
    SIGNED,
    issuer,
    der(0x30, time(Date.now() + Math.min(-1, days - 1) * DAY), time(Date.now() + days * DAY)),
    subject,
    wish.keys?.publicKey.export({ type: "spki", format: "der" }) ??
      new Uint8Array(await crypto.subtle.exportKey("spki", publicKey)),
    isFirstVersion || extensions.length === 0 ? [] : der(0xa3, der(0x30, ...extensions)),
  );
  const signature = new Uint8Array(
    await crypto.subtle.sign(ALGORITHM, signer, fields as Uint8Array<ArrayBuffer>),
  );
  const numbers = [signature.subarray(0, 32), signature.subarray(32)].map(integer);
  return der(0x30, fields, SIGNED, der(0x03, [0], der(0x30, ...numbers)));
}

function extensionsOf({ names, rawNames, isAuthority, purpose }: RawWish): Uint8Array[] {
  const extension = (id: string, content: Uint8Array) => der(0x30, oid(id), der(0x04, content));
  return [
    ...(rawNames === undefined ? [] : [extension("2.5.29.17", rawNames)]),
    ...(names === undefined ? [] : [extension("2.5.29.17", der(0x30, ...names))]),
    ...(isAuthority === undefined
      ? []
      : [extension("2.5.29.19", der(0x30, isAuthority ? der(0x01, [0xff]) : []))]),
    ...(purpose === undefined ? [] : [extension("2.5.29.37", der(0x30, oid(purpose)))]),
  ];
}

function integer(bytes: Uint8Array): Uint8Array {
  let at = 0;
  while (at < bytes.length - 1 && bytes[at] === 0) at++;
  const rest = bytes.subarray(at);
  return der(0x02, rest[0]! >= 0x80 ? [0] : [], rest);
}

/** PEM text. */
export function pem(label: string, bytes: Uint8Array): string {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return `-----BEGIN ${label}-----\n${text.replace(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`;
}
