// The options of secure connections, read once and checked at the door. What is in the files, and whether
// certificate and key fit, is checked in credentials.ts, when they are needed.

import { checkHost } from "../base/address.ts";
import { checkBoolean, checkInteger, checkInterval, shown } from "../base/arguments.ts";
import { optionNames, readEntries, readList, readOptions, withOptions } from "../base/options.ts";
import { asciiName } from "./certificate_names.ts";

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
  /** What the private key is encrypted with, if it is. */
  readonly passphrase?: string;
}

/** What both sides of a secure connection can choose. */
export interface SecureSocketConfig extends CertificateConfig {
  /** Certificates in PEM form that the peer's certificate may be signed by. */
  readonly caCerts?: readonly string[];
  /** Path of a file with such certificates, instead of `caCerts`. */
  readonly caCertFile?: string;
  /** The application protocols this side speaks, the preferred one first. */
  readonly alpnProtocols?: readonly string[];
  /**
   * The oldest protocol to agree on.
   *
   * @default {"TLSv1.2"}
   */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  /**
   * How long the handshake may take, in milliseconds, or `Infinity`.
   *
   * @default {10_000}
   */
  readonly handshakeTimeoutInMillis?: number;
}

/**
 * How a client makes its connection secure; `{}` is enough for a server with a certificate that the system
 * trusts. `caCerts` are trusted besides those of the system.
 */
export interface ClientSecureSocketConfig extends SecureSocketConfig {
  /**
   * The name to ask for, and the one that the server's certificate must be valid for.
   *
   * @default the host that is connected to
   */
  readonly serverName?: string;
  /**
   * Whether the server's certificate must be valid for the name. Without it anybody with a trusted
   * certificate can pass for the server.
   *
   * @default {true}
   */
  readonly verifyHostname?: boolean;
  /**
   * Whether the certificates of the system are trusted, too; `false` leaves `caCerts` alone.
   *
   * @default {true}
   */
  readonly trustSystemCerts?: boolean;
  /**
   * Whether `secure.peerCertificate` and `secure.protocol` are wanted. Deno's own engine does not tell them;
   * the one that does costs more for each byte.
   *
   * @default {false}
   */
  readonly exposePeerCertificate?: boolean;
}

/** How a listener makes its connections secure. It needs a certificate and its key. */
export interface ListenerSecureSocketConfig extends SecureSocketConfig {
  /**
   * When connections become secure.
   *
   * - `"immediate"`: every connection begins with the handshake.
   * - `"optional"`: the first byte tells; for protocols in which the client speaks first.
   * - `"upgrade"`: connections begin in the clear, `caller.upgradeToTls()` makes one secure.
   *
   * @default {"immediate"}
   */
  readonly mode?: "immediate" | "optional" | "upgrade";
  /**
   * Whether clients are asked for a certificate signed by one of `caCerts` (those of the system do not
   * count). `"request"`: a client may have none, but one that does not verify is refused. `"require"`: no
   * client without.
   *
   * @default {"none"}
   */
  readonly clientAuth?: "none" | "request" | "require";
  /** Certificates for names that clients ask for: `"a.example"` or `"*.example"`. Others get the main one. */
  readonly sni?: Readonly<Record<string, CertificateConfig>>;
  /**
   * How many handshakes may be under way. Where there are more, whoever has not said a word for a tenth of a
   * second makes room, then whoever has said his first word a second ago.
   *
   * @default {1_024}
   */
  readonly maxHandshakes?: number;
  /**
   * How often the files are looked at for a new certificate, in milliseconds. New connections get the new
   * one; a file that cannot be used is not, and is looked at again.
   *
   * @default {Infinity}
   */
  readonly reloadInMillis?: number;
}

/** A listener's certificates: what can be replaced while it runs. */
export type ListenerCertificateConfig = Pick<
  ListenerSecureSocketConfig,
  | "cert"
  | "key"
  | "certFile"
  | "keyFile"
  | "passphrase"
  | "caCerts"
  | "caCertFile"
  | "sni"
>;

/** The fields of a certificate, of both sides, and those that each side has besides. */
const CERTIFICATE = {
  cert: true,
  key: true,
  certFile: true,
  keyFile: true,
  passphrase: true,
} as const;
const TRUSTED = { caCerts: true, caCertFile: true } as const;
const SHARED = {
  ...CERTIFICATE,
  ...TRUSTED,
  alpnProtocols: true,
  minVersion: true,
  handshakeTimeoutInMillis: true,
} as const;

const CERTIFICATE_OPTIONS = optionNames<CertificateConfig>(CERTIFICATE);
const LISTENER_CERTIFICATES = optionNames<ListenerCertificateConfig>({
  ...CERTIFICATE,
  ...TRUSTED,
  sni: true,
});
const CLIENT_OPTIONS = optionNames<ClientSecureSocketConfig>({
  ...SHARED,
  serverName: true,
  verifyHostname: true,
  trustSystemCerts: true,
  exposePeerCertificate: true,
});
const LISTENER_OPTIONS = optionNames<ListenerSecureSocketConfig>({
  ...SHARED,
  mode: true,
  clientAuth: true,
  sni: true,
  maxHandshakes: true,
  reloadInMillis: true,
});

/** The longest name of an application protocol that the handshake can carry. */
const MAX_PROTOCOL_LENGTH = 255;

/** A host name that a certificate can be chosen for, with or without a wildcard in front. */
const SNI_NAME = /^(?:\*\.)?[\p{L}\p{M}\p{N}_-]+(?:\.[\p{L}\p{M}\p{N}_-]+)*\.?$/u;

/**
 * Reads and checks the options of a client.
 *
 * @returns A copy that does not change.
 */
export function checkClientSecureSocket(
  config: ClientSecureSocketConfig,
): ClientSecureSocketConfig {
  const options = readOptions("secureSocket", config, CLIENT_OPTIONS);
  const lists = checkShared(options, "secureSocket");
  const { serverName, verifyHostname, trustSystemCerts, exposePeerCertificate } = options;
  const asked = serverName === undefined
    ? undefined
    : checkHost("secureSocket.serverName", serverName);
  optionally(checkBoolean, "secureSocket.verifyHostname", verifyHostname);
  optionally(checkBoolean, "secureSocket.trustSystemCerts", trustSystemCerts);
  optionally(checkBoolean, "secureSocket.exposePeerCertificate", exposePeerCertificate);
  if (trustSystemCerts === false && !trustsSome(options)) {
    throw new TypeError(
      "secureSocket.trustSystemCerts is false, so caCerts or caCertFile must be given",
    );
  }
  return withOptions(options, { ...lists, serverName: asked }) as ClientSecureSocketConfig;
}

/**
 * Reads and checks the options of a listener.
 *
 * @returns A copy that does not change.
 */
export function checkListenerSecureSocket(
  config: ListenerSecureSocketConfig,
): ListenerSecureSocketConfig {
  const options = readOptions("secureSocket", config, LISTENER_OPTIONS);
  const lists = checkShared(options, "secureSocket");
  const sni = checkOwn(options);
  oneOf("secureSocket.mode", options.mode, ["immediate", "optional", "upgrade"]);
  oneOf("secureSocket.clientAuth", options.clientAuth, ["none", "request", "require"]);
  checkWhoIsTrusted(options.clientAuth, options);
  optionally(
    (name, value) => checkInteger(name, value, 1),
    "secureSocket.maxHandshakes",
    options.maxHandshakes,
  );
  optionally(checkInterval, "secureSocket.reloadInMillis", options.reloadInMillis);
  return withOptions(options, { ...lists, sni }) as ListenerSecureSocketConfig;
}

/**
 * Reads and checks certificates that stand in the place of others.
 *
 * @param config The options that they are for.
 * @param certificates All of the new ones; what is left out is none.
 * @returns The options with them, a copy that does not change.
 */
export function withCertificates(
  config: ListenerSecureSocketConfig,
  certificates: ListenerCertificateConfig,
): ListenerSecureSocketConfig {
  const options = readOptions("certificates", certificates, LISTENER_CERTIFICATES);
  checkCertificate(options, "secureSocket");
  const caCerts = checkTrusted(options, "secureSocket");
  const sni = checkOwn(options);
  checkWhoIsTrusted(config.clientAuth, options);
  const none = Object.fromEntries(LISTENER_CERTIFICATES.map((name) => [name, undefined]));
  return withOptions(config, { ...none, ...options, caCerts, sni }) as ListenerSecureSocketConfig;
}

/** Who asks clients for certificates has to say who may have signed them, or nobody would get in. */
function checkWhoIsTrusted(
  clientAuth: ListenerSecureSocketConfig["clientAuth"],
  config: ListenerCertificateConfig,
): void {
  if ((clientAuth ?? "none") === "none" || trustsSome(config)) return;
  throw new TypeError(
    `secureSocket.clientAuth is ${shown(clientAuth)}, so caCerts or caCertFile must be given`,
  );
}

/** Checks that a listener has a certificate, and those for names: with the names as clients ask for them. */
function checkOwn(options: ListenerCertificateConfig): ListenerCertificateConfig["sni"] {
  if (!hasCertificate(options)) {
    throw new TypeError(
      "secureSocket must have a certificate and its key: give certFile and keyFile, or cert and key",
    );
  }
  if (options.sni === undefined) return undefined;
  const sni: Record<string, CertificateConfig> = Object.create(null);
  for (const [name, value] of readEntries("secureSocket.sni", options.sni)) {
    if (!SNI_NAME.test(name)) {
      throw new TypeError(`secureSocket.sni must have host names as keys: got ${shown(name)}`);
    }
    const at = `secureSocket.sni[${shown(name)}]`;
    const one = readOptions(at, value, CERTIFICATE_OPTIONS);
    checkCertificate(one, at);
    if (!hasCertificate(one)) throw new TypeError(`${at} must have a certificate and its key`);
    const asked = asciiName(name);
    if (asked in sni) throw new TypeError(`${at} is a name that secureSocket.sni has twice`);
    sni[asked] = one;
  }
  return Object.freeze(sni);
}

/** Whether there is a certificate. */
export function hasCertificate(config: CertificateConfig): boolean {
  return config.cert !== undefined || config.certFile !== undefined;
}

/** Whether there are certificates that the peer's may be signed by. */
export function trustsSome(config: Pick<SecureSocketConfig, "caCerts" | "caCertFile">): boolean {
  return config.caCerts !== undefined || config.caCertFile !== undefined;
}

/** Checks what both sides have. Returns the lists, copied. */
function checkShared(
  config: SecureSocketConfig,
  at: string,
): Pick<SecureSocketConfig, "caCerts" | "alpnProtocols"> {
  checkCertificate(config, at);
  const caCerts = checkTrusted(config, at);
  const { minVersion, handshakeTimeoutInMillis } = config;
  const alpnProtocols = config.alpnProtocols === undefined
    ? undefined
    : checkTexts(`${at}.alpnProtocols`, config.alpnProtocols);
  for (const protocol of alpnProtocols ?? []) {
    if (new TextEncoder().encode(protocol).length > MAX_PROTOCOL_LENGTH) {
      throw new RangeError(
        `${at}.alpnProtocols must have names of at most ${MAX_PROTOCOL_LENGTH} bytes: got ${
          shown(protocol)
        }`,
      );
    }
  }
  oneOf(`${at}.minVersion`, minVersion, ["TLSv1.2", "TLSv1.3"]);
  optionally(checkInterval, `${at}.handshakeTimeoutInMillis`, handshakeTimeoutInMillis);
  return { caCerts, alpnProtocols } as Pick<SecureSocketConfig, "caCerts" | "alpnProtocols">;
}

function checkCertificate(config: CertificateConfig, at: string): void {
  for (const name of ["cert", "key", "certFile", "keyFile", "passphrase"] as const) {
    checkText(`${at}.${name}`, config[name]);
  }
  const { cert, key, certFile, keyFile } = config;
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

/** Checks who is trusted. Returns the list, copied. */
function checkTrusted(
  config: ListenerCertificateConfig,
  at: string,
): readonly string[] | undefined {
  checkText(`${at}.caCertFile`, config.caCertFile);
  if (config.caCerts === undefined) return undefined;
  const texts = checkTexts(`${at}.caCerts`, config.caCerts);
  if (config.caCertFile !== undefined) {
    throw new TypeError(`${at} must have caCerts or caCertFile, not both`);
  }
  return texts;
}

function checkTexts(name: string, value: unknown): readonly string[] {
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
    throw new TypeError(`${name} must be a string that is not empty: got ${shown(value)}`);
  }
}

function oneOf(name: string, value: unknown, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value as string)) return;
  throw new TypeError(
    `${name} must be one of ${allowed.map(shown).join(", ")}: got ${shown(value)}`,
  );
}

function optionally(
  check: (name: string, value: unknown) => unknown,
  name: string,
  value: unknown,
) {
  if (value !== undefined) check(name, value);
}
