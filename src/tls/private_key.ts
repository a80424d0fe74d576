// A private key in PEM form, decrypted if it is encrypted. Errors distinguish: no key, no passphrase, a wrong one, a
// cipher that the runtime does not know.

import { Buffer } from "node:buffer";
import { createPrivateKey, type KeyObject } from "node:crypto";
import { reasonOf } from "../base/errors.ts";
import { bare } from "../base/options.ts";
import { DerReader, oidText, TAG } from "./der.ts";
import { type PemBlock, pemBlocks } from "./pem.ts";

/** A key that cannot be used. Its message says why: "is encrypted, give its passphrase". */
export class KeyError extends Error {}

/** Ciphers and key derivations that the runtime can decrypt, and names of others that occur. */
const PBES2 = "1.2.840.113549.1.5.13";
const SCRYPT = "1.3.6.1.4.1.11591.4.11";
const PBKDF2 = "1.2.840.113549.1.5.12";
const HASHES: ReadonlyMap<string, string> = new Map([
  ["1.2.840.113549.2.8", "HMAC-SHA-224"],
  ["1.2.840.113549.2.9", "HMAC-SHA-256"],
  ["1.2.840.113549.2.10", "HMAC-SHA-384"],
  ["1.2.840.113549.2.11", "HMAC-SHA-512"],
]);
const CIPHERS: ReadonlyMap<string, string> = new Map([
  ["2.16.840.1.101.3.4.1.2", "AES-128-CBC"],
  ["2.16.840.1.101.3.4.1.22", "AES-192-CBC"],
  ["2.16.840.1.101.3.4.1.42", "AES-256-CBC"],
]);
const OTHERS: ReadonlyMap<string, string> = new Map([
  ["1.2.840.113549.1.5.3", "PBE-MD5-DES"],
  ["1.2.840.113549.1.12.1.3", "PBE-SHA1-3DES"],
  ["1.2.840.113549.2.7", "HMAC-SHA-1"],
  ["1.2.840.113549.3.7", "DES-EDE3-CBC"],
  ["1.3.14.3.2.7", "DES-CBC"],
  ["1.2.392.200011.61.1.1.1.4", "CAMELLIA-256-CBC"],
]);
/** Ciphers of the old form, by the name in its header. */
const OLD_CIPHERS = /^(?:AES-(?:128|192|256)-CBC|DES-EDE3-CBC|DES-CBC)$/;

/**
 * Reads a private key.
 *
 * @param text PEM text; the first private key in it counts.
 * @param passphrase Decrypts the key, if it is encrypted.
 * @throws {KeyError} It cannot be used.
 */
export function readPrivateKey(text: string, passphrase: string | undefined): KeyObject {
  const block = pemBlocks(text).find(({ label }) => label.endsWith("PRIVATE KEY"));
  if (block === undefined) throw new KeyError("has no private key in PEM form");
  const isLocked = isEncrypted(block);
  if (isLocked && passphrase === undefined) {
    throw new KeyError("is encrypted, give its passphrase");
  }
  const key = isLocked ? { key: block.text, passphrase: passphrase! } : { key: block.text };
  try {
    return createPrivateKey(bare(key));
  } catch (cause) {
    throw new KeyError(whyNot(block, isLocked, reasonOf(cause)), { cause });
  }
}

/** The kind of a key, for messages: `"rsa, 1024 bits"`. */
export function keyKind({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const { modulusLength, namedCurve } = asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined) return `${asymmetricKeyType}, ${modulusLength} bits`;
  return namedCurve === undefined ? `${asymmetricKeyType}` : `${asymmetricKeyType}, ${namedCurve}`;
}

function whyNot(block: PemBlock, isLocked: boolean, reason: string): string {
  if (!isLocked || /curve/.test(reason)) {
    return `has a private key that is garbage, or of a kind that is not known here (${reason})`;
  }
  const cipher = unknownCipher(block);
  if (cipher === undefined) return "cannot be decrypted with this passphrase";
  return `is encrypted in a way that cannot be undone here (${cipher}), encrypt it with AES-256-CBC: ` +
    "openssl pkcs8 -topk8 -v2 aes-256-cbc";
}

function isEncrypted({ label, body }: PemBlock): boolean {
  return label.startsWith("ENCRYPTED ") || /^\s*Proc-Type: *4, *ENCRYPTED/.test(body);
}

/** The cipher of a key, if the runtime does not know it. */
function unknownCipher({ label, body }: PemBlock): string | undefined {
  if (!label.startsWith("ENCRYPTED ")) {
    const cipher = /^DEK-Info: *([\w-]+)/m.exec(body)?.[1] ?? "without a cipher";
    return OLD_CIPHERS.test(cipher.toUpperCase()) ? undefined : cipher;
  }
  try {
    return unknownIn(new DerReader(Buffer.from(body, "base64")));
  } catch {
    return "not readable";
  }
}

/** The same for EncryptedPrivateKeyInfo (RFC 5958, 8018). */
function unknownIn(file: DerReader): string | undefined {
  const algorithm = file.enter(TAG.SEQUENCE).enter(TAG.SEQUENCE);
  const scheme = readOid(algorithm);
  if (scheme !== PBES2) return nameOf(scheme);
  const parameters = algorithm.enter(TAG.SEQUENCE);
  const derivation = parameters.enter(TAG.SEQUENCE);
  const cipher = readOid(parameters.enter(TAG.SEQUENCE));
  if (!CIPHERS.has(cipher)) return nameOf(cipher);
  const kind = readOid(derivation);
  if (kind === SCRYPT) return undefined;
  if (kind !== PBKDF2) return nameOf(kind);
  const numbers = derivation.enter(TAG.SEQUENCE);
  numbers.read(TAG.OCTET_STRING);
  numbers.read(TAG.INTEGER);
  numbers.readIf(TAG.INTEGER);
  // The default is SHA-1.
  if (numbers.isAtEnd) return "HMAC-SHA-1";
  const hash = readOid(numbers.enter(TAG.SEQUENCE));
  return HASHES.has(hash) ? undefined : nameOf(hash);
}

function readOid(reader: DerReader): string {
  return oidText(reader.read(TAG.OID).content);
}

function nameOf(oid: string): string {
  return OTHERS.get(oid) ?? oid;
}
