// Certificates and keys, read and checked before they are used. A bad file is reported by its name with the reason, not
// by a handshake that fails later. (Deno silently ignores a garbage CA certificate; a key that belongs to another
// certificate shows only in the first handshake.)

import { createHash, X509Certificate } from "node:crypto";
import { shown } from "../base/arguments.ts";
import { GenericError, reasonOf } from "../base/errors.ts";
import { permissionAdvice } from "../base/permission_advice.ts";
import { bare } from "../base/options.ts";
import type { PeerCertificate } from "../network/secure_info.ts";
import { nameText, readNames } from "./certificate_names.ts";
import { pemBlocks } from "./pem.ts";
import { KeyError, keyKind, readPrivateKey } from "./private_key.ts";
import type { CertificateConfig, SecureSocketConfig } from "./secure_socket_config.ts";

/** No bundle of certificates is longer. */
const MAX_FILE_LENGTH = 8 * 1024 * 1024;

/** A certificate and its key, both checked, in PEM form. */
export interface Identity {
  /** The certificate and those that lead to a trusted one. */
  readonly cert: string;
  /** The private key, not encrypted. */
  readonly key: string;
  /** The name of the key in messages. */
  readonly keyName: string;
  /** What kind of key it is. */
  readonly kind: string;
}

/**
 * Reads a certificate and its key and checks that they can be used together, today.
 *
 * @param config Where they are.
 * @param at The name of the options they come from, for messages.
 * @throws {GenericError} `"handshake"`, or `"denied"`: says which file or option cannot be used, and why.
 */
export async function loadIdentity(config: CertificateConfig, at: string): Promise<Identity> {
  const [certText, certName] = await textOf(config.cert, config.certFile, `${at}.cert`);
  const [keyText, keyName] = await textOf(config.key, config.keyFile, `${at}.key`);
  const [leaf] = parseCertificates(certText, certName);
  checkValidity(leaf!, certName);
  try {
    const key = readPrivateKey(keyText, config.passphrase);
    if (!leaf!.checkPrivateKey(key)) throw new KeyError(`is not the key of ${certName}`);
    const options = bare({ type: "pkcs8", format: "pem" } as const);
    return { cert: certText, key: key.export(options) as string, keyName, kind: keyKind(key) };
  } catch (cause) {
    throw cause instanceof KeyError
      ? unusable(keyName, cause.message, cause.cause)
      : unusable(keyName, `has a private key that cannot be used: ${reasonOf(cause)}`, cause);
  }
}

/**
 * Reads the certificates that may sign the peer's certificate.
 *
 * @returns Each of them in PEM form; `undefined` if none are configured.
 * @throws {GenericError} `"handshake"`, or `"denied"`: says which file or option cannot be used, and why.
 */
export async function loadTrusted(
  config: SecureSocketConfig,
  at: string,
): Promise<string[] | undefined> {
  if (config.caCerts !== undefined) {
    return config.caCerts.flatMap((text, i) => checkedBlocks(text, `${at}.caCerts[${i}]`));
  }
  if (config.caCertFile === undefined) return undefined;
  const [text, name] = await textOf(undefined, config.caCertFile, `${at}.caCert`);
  return checkedBlocks(text, name);
}

/** Whether a certificate is no longer valid. */
export function hasExpired(certificate: X509Certificate): boolean {
  return Date.now() > certificate.validToDate.getTime();
}

/**
 * The content of a certificate, for users.
 *
 * @throws {DerError} It is not in the one form that it can have.
 */
export function describeCertificate(certificate: X509Certificate): PeerCertificate {
  const names = readNames(certificate.raw);
  return {
    subject: nameText(names.subject),
    subjectParts: names.subject.flat(),
    issuer: nameText(names.issuer),
    subjectAltNames: names.altNames,
    fingerprint256: certificate.fingerprint256,
    serialNumber: certificate.serialNumber,
    validFrom: certificate.validFromDate,
    validTo: certificate.validToDate,
  };
}

/** A digest of a file's content. */
export async function digestOf(file: string): Promise<string> {
  return createHash("sha256").update(await readFile(file, file)).digest("hex");
}

/** The text of an option or of a file, and its name in messages. */
async function textOf(
  text: string | undefined,
  file: string | undefined,
  option: string,
): Promise<[text: string, name: string]> {
  if (text !== undefined) return [text, option];
  const name = `${option}File ${shown(file)}`;
  let content: string;
  try {
    content = new TextDecoder().decode(await readFile(file!, name));
  } catch (cause) {
    throw cause instanceof GenericError ? cause : unreadable(name, cause);
  }
  if (content.trim() === "") throw unusable(name, "is empty");
  return [content, name];
}

/** Reads a regular file: opening or reading a pipe may wait for ever, and a device may never end. */
async function readFile(file: string, name: string): Promise<Uint8Array> {
  const { isFile, size } = await Deno.stat(file);
  if (!isFile) throw unusable(name, "is not a regular file");
  if (size > MAX_FILE_LENGTH) throw unusable(name, `has more than ${MAX_FILE_LENGTH} bytes`);
  using opened = await Deno.open(file);
  const bytes = new Uint8Array(size + 1);
  let length = 0;
  for (;;) {
    const count = await opened.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
    if (length > size) throw unusable(name, "is being written");
  }
  return bytes.subarray(0, length);
}

function unreadable(name: string, cause: unknown): GenericError {
  if (cause instanceof Deno.errors.NotCapable) {
    const advice = permissionAdvice(cause) ?? "run with --allow-read";
    return new GenericError("denied", `Cannot use ${name}: ${advice}`, { cause });
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return new GenericError("denied", `Cannot use ${name}: the system forbids to read it`, {
      cause,
    });
  }
  return unusable(
    name,
    cause instanceof Deno.errors.NotFound ? "does not exist" : `cannot be read: ${reasonOf(cause)}`,
    cause,
  );
}

/** The error for something that cannot be used, with the reason: "is empty". */
export function unusable(name: string, why: string, cause?: unknown): GenericError {
  return new GenericError("handshake", `Cannot use ${name}: it ${why}`, { cause });
}

function checkedBlocks(text: string, name: string): string[] {
  parseCertificates(text, name);
  return certificateBlocks(text);
}

function certificateBlocks(text: string): string[] {
  return pemBlocks(text).filter(({ label }) => label === "CERTIFICATE").map(({ text }) => text);
}

function parseCertificates(text: string, name: string): X509Certificate[] {
  const blocks = certificateBlocks(text);
  if (blocks.length === 0) throw unusable(name, "has no certificate in PEM form");
  return blocks.map((block, i) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw unusable(name, `has a certificate (number ${i + 1}) that is garbage`, cause);
    }
  });
}

function checkValidity(certificate: X509Certificate, name: string): void {
  const now = Date.now();
  if (now < certificate.validFromDate.getTime()) {
    throw unusable(name, `is a certificate that is not valid before ${certificate.validFrom}`);
  }
  if (hasExpired(certificate)) {
    throw unusable(name, `is a certificate that expired at ${certificate.validTo}`);
  }
}
