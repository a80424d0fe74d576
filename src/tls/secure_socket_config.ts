// The options that both sides of a secure connection have, checked as they are passed. No message quotes a key or a
// passphrase, nor what was passed in their place. The contents of the files, and whether certificate and key belong
// together, are checked in credentials.ts, when they are needed.

import { checkChoice, checkInterval, isPem, kindOnly, shown } from "../base/arguments.ts";
import { readList } from "../base/options.ts";

/** A certificate and its key, each as text or as the path of a file. */
export interface CertificateConfig {
  /** The certificate in PEM form, followed by those that lead to a trusted one. */
  readonly cert?: string;
  /** The private key in PEM form. */
  readonly key?: string;
  /** Path of a file with the certificate, instead of `cert`. */
  readonly certFile?: string;
  /** Path of a file with the private key, instead of `key`. */
  readonly keyFile?: string;
  /** The passphrase of the private key, if it is encrypted. */
  readonly passphrase?: string;
}

/** The options of both sides of a secure connection. */
export interface SecureSocketConfig extends CertificateConfig {
  /** Certificates in PEM form that may sign the peer's certificate. */
  readonly caCerts?: readonly string[];
  /** Path of a file with such certificates, instead of `caCerts`. */
  readonly caCertFile?: string;
  /**
   * The application protocols this side speaks, the preferred one first: names in ASCII, at most 255 characters each
   * and 32,768 bytes in all, each counted with one byte for its length.
   */
  readonly alpnProtocols?: readonly string[];
  /**
   * The oldest protocol to agree on.
   *
   * @default {"TLSv1.2"}
   */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  /**
   * How long the handshake may take, in milliseconds from 1, or `Infinity`.
   *
   * @default {10_000}
   */
  readonly handshakeTimeoutInMillis?: number;
}

/** The checked options of both sides. */
export interface SecureSocketSettings extends SecureSocketConfig {
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly handshakeTimeoutInMillis: number;
}

/** The fields of a {@linkcode CertificateConfig}, as marks. */
export const CERTIFICATE_MARKS = {
  cert: true,
  key: true,
  certFile: true,
  keyFile: true,
  passphrase: true,
} as const;

/** The fields that say who is trusted. */
export const TRUSTED_MARKS = { caCerts: true, caCertFile: true } as const;

/** The fields of a {@linkcode SecureSocketConfig}, as marks. */
export const SHARED_MARKS = {
  ...CERTIFICATE_MARKS,
  ...TRUSTED_MARKS,
  alpnProtocols: true,
  minVersion: true,
  handshakeTimeoutInMillis: true,
} as const;

/** The longest name of an application protocol that the handshake can carry. */
const MAX_PROTOCOL_LENGTH = 255;
/** All of them share 65,535 bytes with everything else in a client's first message. */
const MAX_PROTOCOLS_LENGTH = 32_768;

/** Whether there is a certificate. */
export function hasCertificate(config: CertificateConfig): boolean {
  return config.cert !== undefined || config.certFile !== undefined;
}

/** Whether there are certificates that may sign the peer's. */
export function trustsSome(config: Pick<SecureSocketConfig, "caCerts" | "caCertFile">): boolean {
  return config.caCerts !== undefined || config.caCertFile !== undefined;
}

/** Checks the options of both sides. Returns what differs from what was passed: copies of lists, and defaults. */
export function resolveShared(config: SecureSocketConfig) {
  const { minVersion = "TLSv1.2", handshakeTimeoutInMillis = 10_000 } = config;
  checkCertificate(config, "secureSocket");
  return {
    caCerts: checkTrusted(config),
    alpnProtocols: checkProtocols(config.alpnProtocols),
    minVersion: checkChoice("secureSocket.minVersion", minVersion, ["TLSv1.2", "TLSv1.3"]),
    handshakeTimeoutInMillis: checkInterval(
      "secureSocket.handshakeTimeoutInMillis",
      handshakeTimeoutInMillis,
    ),
  };
}

/** Checks a certificate and its key, or neither. */
export function checkCertificate(config: CertificateConfig, at: string): void {
  for (const name of ["cert", "key", "certFile", "keyFile", "passphrase"] as const) {
    checkText(`${at}.${name}`, config[name]);
  }
  const { cert, key, certFile, keyFile } = config;
  checkFile(`${at}.certFile`, certFile, "as cert");
  checkFile(`${at}.keyFile`, keyFile, "as key");
  if (cert !== undefined && certFile !== undefined) {
    throw new TypeError(`${at} must have cert or certFile, not both`);
  }
  if (key !== undefined && keyFile !== undefined) {
    throw new TypeError(`${at} must have key or keyFile, not both`);
  }
  if ((cert ?? certFile) === undefined !== ((key ?? keyFile) === undefined)) {
    throw new TypeError(`${at} must have a certificate and its key, or neither`);
  }
}

/** Checks the certificates that are trusted. Returns a copy of the list. */
export function checkTrusted(config: SecureSocketConfig): readonly string[] | undefined {
  checkText("secureSocket.caCertFile", config.caCertFile);
  checkFile("secureSocket.caCertFile", config.caCertFile, "in caCerts");
  const texts = checkTexts("secureSocket.caCerts", config.caCerts);
  if (texts !== undefined && config.caCertFile !== undefined) {
    throw new TypeError("secureSocket must have caCerts or caCertFile, not both");
  }
  return texts;
}

function checkProtocols(value: unknown): readonly string[] | undefined {
  const name = "secureSocket.alpnProtocols";
  const protocols = checkTexts(name, value);
  let length = 0;
  for (const protocol of protocols ?? []) {
    // Names are bytes, and engines disagree on how other text is encoded.
    if (!/^[\0-\x7f]*$/.test(protocol)) {
      throw new TypeError(`${name} must have names of ASCII: got ${shown(protocol)}`);
    }
    if (protocol.length > MAX_PROTOCOL_LENGTH) {
      throw new RangeError(
        `${name} must have names of at most ${MAX_PROTOCOL_LENGTH} bytes: got ${shown(protocol)}`,
      );
    }
    length += 1 + protocol.length;
  }
  if (length > MAX_PROTOCOLS_LENGTH) {
    throw new RangeError(
      `${name} must have at most ${MAX_PROTOCOLS_LENGTH} bytes, with one for each name's length: got ${length}`,
    );
  }
  return protocols;
}

function checkTexts(name: string, value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const texts = readList(name, value);
  if (texts.length === 0) {
    throw new TypeError(`${name} must be an array with at least one string: got ${shown(value)}`);
  }
  for (const [i, text] of texts.entries()) checkText(`${name}[${i}]`, text, false);
  return texts as readonly string[];
}

function checkText(name: string, value: unknown, isOptional = true): void {
  if (isOptional && value === undefined) return;
  if (typeof value !== "string" || value === "") {
    throw new TypeError(`${name} must be a string that is not empty: got ${kindOnly(value)}`);
  }
}

/** Refuses the content of a file in place of its path: whatever reports the path would quote a private key. */
function checkFile(name: string, path: string | undefined, how: string): void {
  if (path === undefined || !isPem(path)) return;
  throw new TypeError(`${name} must be the path of a file: give PEM text ${how}`);
}
