// The names in a certificate, read from its DER, and whether it is valid for a host: by this reading alone, whichever
// engine does the handshake.
//
// Decision record: node:tls gives the names as one text, and a name may contain the separator: a URI `http://x/,
// DNS:admin.example` passed for admin.example (the kind of CVE-2021-44532). The rules for hosts are those of webpki,
// which Deno's own engine uses, so that both engines agree: only subjectAltName counts, never the subject (RFC 6125,
// 9525); a wildcard is the whole first label, stands for one label, and has at least two labels after it; an address
// matches an address only.

import { isIP } from "node:net";
import type { AltName, NamePart } from "../network/secure_info.ts";
import { DerError, DerReader, type DerValue, hexOf, oidText, TAG } from "./der.ts";

/** The subject, the issuer and the names of a certificate. */
export interface CertificateNames {
  /** Its subject: the parts, grouped by level. */
  readonly subject: readonly (readonly NamePart[])[];
  /** Its issuer. */
  readonly issuer: readonly (readonly NamePart[])[];
  /** The names that it is valid for. */
  readonly altNames: readonly AltName[];
  /** Whether it may sign others. */
  readonly isAuthority: boolean;
  /** Its version: 3 if it has extensions. */
  readonly version: number;
  /** What it may be used for, by object identifiers, if that is limited. */
  readonly purposes: readonly string[] | undefined;
}

/** The name parts that have a short name: those of RFC 4514, and the others under their names in OpenSSL. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ["2.5.4.3", "CN"],
  ["2.5.4.4", "SN"],
  ["2.5.4.5", "serialNumber"],
  ["2.5.4.6", "C"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.9", "street"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
  ["2.5.4.12", "title"],
  ["2.5.4.42", "GN"],
  ["0.9.2342.19200300.100.1.1", "UID"],
  ["0.9.2342.19200300.100.1.25", "DC"],
  ["1.2.840.113549.1.9.1", "emailAddress"],
]);

/** Kinds of text, by their tags; T61, which nobody has ever implemented, is known to have been Latin-1. */
const ENCODINGS: ReadonlyMap<number, string> = new Map([
  [0x0c, "utf-8"],
  [0x12, "ascii"],
  [0x13, "ascii"],
  [0x14, "latin-1"],
  [0x16, "ascii"],
  [0x1a, "ascii"],
  [0x1e, "utf-16be"],
]);

const ALT_NAMES = "2.5.29.17";
const BASIC_CONSTRAINTS = "2.5.29.19";
const EXTENDED_KEY_USAGE = "2.5.29.37";

/** Kinds of names, by their tags. */
const KINDS: ReadonlyMap<number, AltName["type"]> = new Map([
  [0x81, "email"],
  [0x82, "dns"],
  [0x86, "uri"],
  [0x87, "ip"],
]);
/** The tags of all kinds; some are made of parts. */
const GENERAL_NAMES = [0xa0, 0x81, 0x82, 0xa3, 0xa4, 0xa5, 0x86, 0x87, 0x88];

/** A label of a host name. */
const LABEL = /^(?!-)[\da-z_-]{1,63}(?<!-)$/;
/** The end of an address; no name ends like this. */
const NUMBER = /(?:^|\.)\d+$/;
const MAX_NAME_LENGTH = 253;

/**
 * Reads the names of a certificate.
 *
 * @param der The certificate.
 * @throws {DerError} It is not a certificate, or not in the one form that it can have.
 */
export function readNames(der: Uint8Array): CertificateNames {
  const file = new DerReader(der);
  const certificate = file.enter(TAG.SEQUENCE);
  file.end();
  const fields = certificate.enter(TAG.SEQUENCE);
  const version = readVersion(fields.readIf(0xa0));
  fields.read(TAG.INTEGER);
  fields.read(TAG.SEQUENCE); // algorithm
  const issuer = readName(fields.enter(TAG.SEQUENCE));
  fields.read(TAG.SEQUENCE); // validity
  const subject = readName(fields.enter(TAG.SEQUENCE));
  fields.read(TAG.SEQUENCE); // key
  fields.readIf(0x81);
  fields.readIf(0x82);
  const extensions = readExtensions(fields.readIf(0xa3));
  fields.end();
  const altNames = extensions.get(ALT_NAMES);
  const constraints = extensions.get(BASIC_CONSTRAINTS);
  const purposes = extensions.get(EXTENDED_KEY_USAGE);
  return {
    subject,
    issuer,
    altNames: altNames === undefined ? [] : readAltNames(altNames),
    isAuthority: constraints !== undefined && readIsAuthority(constraints),
    version,
    purposes: purposes === undefined ? undefined : readPurposes(purposes),
  };
}

/** A name in one line; see `PeerCertificate.subject`. */
export function nameText(name: readonly (readonly NamePart[])[]): string {
  return name
    .map((level) => level.map(({ type, value }) => `${type}=${textOf(type, value)}`).join(" + "))
    .join(", ");
}

/** A host name, perhaps with a wildcard, in ASCII, in lower case, without a dot at its end. */
export function asciiName(host: string): string {
  const name = host.replace(/\.$/, "").toLowerCase();
  if (/^[\0-\x7f]*$/.test(name)) return name;
  const [wildcard, rest] = name.startsWith("*.") ? ["*.", name.slice(2)] : ["", name];
  const url = `http://${rest}/`;
  return URL.canParse(url) ? wildcard + new URL(url).hostname : name;
}

/** The host that a client wants to reach. */
export interface AskedHost {
  /** An IP address in its one spelling, or a name in ASCII. */
  readonly host: string;
  /** Whether it is an address: a server cannot be asked for an address by name. */
  readonly isAddress: boolean;
}

/** Reads a host in the one spelling in which it is asked for and compared. */
export function askedHost(host: string): AskedHost {
  const zone = host.indexOf("%");
  const address = zone > 0 && host.includes(":") ? host.slice(0, zone) : host;
  const version = isIP(address);
  if (version === 0) return { host: asciiName(host), isAddress: false };
  const canonical = version === 4 ? address : new URL(`http://[${address}]`).hostname.slice(1, -1);
  return { host: canonical, isAddress: true };
}

/** Whether a certificate can be valid for a host. */
export function canBeCertified({ host, isAddress }: AskedHost): boolean {
  return isAddress || isName(host);
}

/** Bytes of an IP address as text, in the one spelling; `undefined` if their number is wrong. */
export function addressText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return undefined;
  const groups = Array.from({ length: 8 }, (_, i) => hexOf(bytes.subarray(2 * i, 2 * i + 2)));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/**
 * Whether a certificate is valid for a host.
 *
 * @param names The names in the certificate.
 * @param asked The host.
 */
export function isValidFor(names: readonly AltName[], { host, isAddress }: AskedHost): boolean {
  if (isAddress) return names.some(({ type, value }) => type === "ip" && value === host);
  if (!isName(host)) return false;
  return names.some(({ type, value }) => type === "dns" && matches(value.toLowerCase(), host));
}

function matches(presented: string, host: string): boolean {
  if (!presented.startsWith("*.")) return isName(presented) && presented === host;
  const rest = presented.slice(2);
  const dot = host.indexOf(".");
  return isName(rest) && rest.includes(".") && dot > 0 && host.slice(dot + 1) === rest;
}

/** Whether it is a name that a certificate may be valid for: in lower case, without a wildcard. */
export function isName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && !NUMBER.test(name) &&
    name.split(".").every((label) => LABEL.test(label));
}

function readVersion(field: DerValue | undefined): number {
  if (field === undefined) return 1;
  const { content } = new DerReader(field.content).read(TAG.INTEGER);
  if (content.length !== 1) throw new DerError("a version is too large");
  return content[0]! + 1;
}

function readName(levels: DerReader): NamePart[][] {
  const name: NamePart[][] = [];
  while (!levels.isAtEnd) {
    const level: NamePart[] = [];
    const parts = levels.enter(TAG.SET);
    while (!parts.isAtEnd) {
      const part = parts.enter(TAG.SEQUENCE);
      const type = oidText(part.read(TAG.OID).content);
      const value = part.read();
      part.end();
      const short = TYPES.get(type);
      const text = short === undefined ? undefined : decode(value);
      level.push(
        short === undefined || text === undefined
          ? { type, value: `#${hexOf(value.whole)}` }
          : { type: short, value: text },
      );
    }
    name.push(level);
  }
  return name;
}

/** The text of a value, if it is text. */
function decode({ tag, content }: DerValue): string | undefined {
  const encoding = ENCODINGS.get(tag);
  if (encoding === undefined) return undefined;
  if (encoding === "latin-1") return charactersOf(content);
  if (encoding === "ascii" && !isAscii(content)) return undefined;
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
}

/** The extensions that count, by their identifiers. */
function readExtensions(field: DerValue | undefined): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  if (field === undefined) return found;
  const outer = new DerReader(field.content);
  const extensions = outer.enter(TAG.SEQUENCE);
  outer.end();
  while (!extensions.isAtEnd) {
    const extension = extensions.enter(TAG.SEQUENCE);
    const id = oidText(extension.read(TAG.OID).content);
    extension.readIf(TAG.BOOLEAN); // critical
    const { content } = extension.read(TAG.OCTET_STRING);
    extension.end();
    if (found.has(id)) throw new DerError(`extension ${id} is there twice`);
    found.set(id, content);
  }
  return found;
}

function readPurposes(bytes: Uint8Array): string[] {
  const outer = new DerReader(bytes);
  const identifiers = outer.enter(TAG.SEQUENCE);
  outer.end();
  const purposes: string[] = [];
  while (!identifiers.isAtEnd) purposes.push(oidText(identifiers.read(TAG.OID).content));
  return purposes;
}

function readAltNames(bytes: Uint8Array): AltName[] {
  const outer = new DerReader(bytes);
  const names = outer.enter(TAG.SEQUENCE);
  outer.end();
  const altNames: AltName[] = [];
  while (!names.isAtEnd) {
    const { rest } = names;
    try {
      altNames.push(altName(names.read()));
    } catch {
      // As in webpki: names before garbage count, nothing after it does.
      altNames.push({ type: "other", value: `#${hexOf(rest)}` });
      break;
    }
  }
  return altNames;
}

function altName({ tag, content, whole }: DerValue): AltName {
  if (!GENERAL_NAMES.includes(tag)) throw new DerError(`a name has the unknown tag ${tag}`);
  const type = KINDS.get(tag);
  const text = isAscii(content) ? charactersOf(content) : undefined;
  const value = type === "ip" ? addressText(content) : text;
  if (type === undefined || value === undefined) {
    return { type: "other", value: `#${hexOf(whole)}` };
  }
  return { type, value };
}

function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80);
}

/** A character for each byte. */
function charactersOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function readIsAuthority(bytes: Uint8Array): boolean {
  const outer = new DerReader(bytes);
  const constraints = outer.enter(TAG.SEQUENCE);
  outer.end();
  return constraints.readIf(TAG.BOOLEAN)?.content[0] === 0xff;
}

/** The text of a part, in which everything is escaped that has a meaning or cannot be seen (RFC 4514, section 2.4). */
function textOf(type: string, value: string): string {
  // It is hexadecimal already.
  if (/^\d/.test(type)) return value;
  return value
    .replace(/[\\",+;<>]|^[ #]| $/g, "\\$&")
    .replace(/\p{C}|\p{Zl}|\p{Zp}|(?! )\p{Zs}/gu, (character) => {
      const bytes = new TextEncoder().encode(character);
      return Array.from(bytes, (byte) => `\\${hexOf(Uint8Array.of(byte)).toUpperCase()}`).join("");
    });
}
