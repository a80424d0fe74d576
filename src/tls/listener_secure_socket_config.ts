// How a listener makes its connections secure: its options, read and checked once.

import {
  checkChoice,
  checkInteger,
  checkInterval,
  checkObject,
  kindOnly,
  shown,
} from "../base/arguments.ts";
import { optionNames, readEntries, readOptions, withOptions } from "../base/options.ts";
import { asciiName } from "./certificate_names.ts";
import {
  CERTIFICATE_MARKS,
  type CertificateConfig,
  checkCertificate,
  checkTrusted,
  hasCertificate,
  resolveShared,
  type SecureSocketConfig,
  type SecureSocketSettings,
  SHARED_MARKS,
  TRUSTED_MARKS,
  trustsSome,
} from "./secure_socket_config.ts";

/** How a listener makes its connections secure. It needs a certificate and its key. */
export interface ListenerSecureSocketConfig extends SecureSocketConfig {
  /**
   * When connections become secure.
   *
   * - `"immediate"`: every connection begins with the handshake.
   * - `"optional"`: the first byte decides; for protocols in which the client speaks first.
   * - `"upgrade"`: connections begin in the clear; `caller.upgradeToTls()` makes one secure.
   *
   * @default {"immediate"}
   */
  readonly mode?: "immediate" | "optional" | "upgrade";
  /**
   * Whether clients are asked for a certificate signed by one of `caCerts` (those of the system do not count).
   * `"request"`: a client need not have one, but is refused if its certificate does not verify. `"require"`: every
   * client must have one.
   *
   * @default {"none"}
   */
  readonly clientAuth?: "none" | "request" | "require";
  /** Certificates for names that clients ask for: `"a.example"` or `"*.example"`. Others get the main one. */
  readonly sni?: Readonly<Record<string, CertificateConfig>>;
  /**
   * How many handshakes may be under way. When there are more, a client that has sent nothing for a tenth of a second
   * makes room, then one that sent its first bytes a second ago. From 1.
   *
   * @default {1_024}
   */
  readonly maxHandshakes?: number;
  /**
   * How often the files are checked for a new certificate, in milliseconds. New connections get the new one; a file
   * that cannot be used is skipped, and checked again. From 1, or `Infinity`.
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

/** The checked options of a listener. */
export interface ListenerSecureSocketSettings extends SecureSocketSettings {
  readonly mode: "immediate" | "optional" | "upgrade";
  readonly clientAuth: "none" | "request" | "require";
  /** By the names that clients ask for. */
  readonly sni: Readonly<Record<string, CertificateConfig>>;
  readonly maxHandshakes: number;
  readonly reloadInMillis: number;
}

const CERTIFICATE_OPTIONS = optionNames<CertificateConfig>(CERTIFICATE_MARKS);
const REPLACEABLE = optionNames<ListenerCertificateConfig>({
  ...CERTIFICATE_MARKS,
  ...TRUSTED_MARKS,
  sni: true,
});
/** The names of its options. */
export const LISTENER_TLS_OPTIONS = optionNames<ListenerSecureSocketConfig>({
  ...SHARED_MARKS,
  mode: true,
  clientAuth: true,
  sni: true,
  maxHandshakes: true,
  reloadInMillis: true,
});

/** A host name that a certificate can be chosen for, with or without a wildcard at the beginning. */
const SNI_NAME = /^(?:\*\.)?[\p{L}\p{M}\p{N}_-]+(?:\.[\p{L}\p{M}\p{N}_-]+)*\.?$/u;

/**
 * Reads and checks the options of a listener.
 *
 * @returns Options that can no longer change.
 */
export function resolveListenerSecureSocket(
  config: ListenerSecureSocketConfig,
): ListenerSecureSocketSettings {
  checkObject("secureSocket", config, kindOnly);
  const options = readOptions("secureSocket", config, LISTENER_TLS_OPTIONS);
  const {
    mode = "immediate",
    clientAuth = "none",
    maxHandshakes = 1_024,
    reloadInMillis = Infinity,
  } = options;
  const settings = {
    ...resolveShared(options),
    sni: checkOwn(options),
    mode: checkChoice("secureSocket.mode", mode, ["immediate", "optional", "upgrade"]),
    clientAuth: checkChoice("secureSocket.clientAuth", clientAuth, ["none", "request", "require"]),
    maxHandshakes: checkInteger("secureSocket.maxHandshakes", maxHandshakes, 1),
    reloadInMillis: checkInterval("secureSocket.reloadInMillis", reloadInMillis),
  };
  checkWhoIsTrusted(clientAuth, options);
  return withOptions(options, settings) as ListenerSecureSocketSettings;
}

/**
 * Reads and checks certificates that replace others.
 *
 * @param settings The options that they belong to.
 * @param certificates All of the new ones; what is left out is removed.
 * @returns A copy of the settings with them, which does not change.
 */
export function withCertificates(
  settings: ListenerSecureSocketSettings,
  certificates: ListenerCertificateConfig,
): ListenerSecureSocketSettings {
  checkObject("certificates", certificates, kindOnly);
  const options = readOptions("certificates", certificates, REPLACEABLE);
  checkCertificate(options, "secureSocket");
  const caCerts = checkTrusted(options);
  const sni = checkOwn(options);
  checkWhoIsTrusted(settings.clientAuth, options);
  const none = Object.fromEntries(REPLACEABLE.map((name) => [name, undefined]));
  return withOptions(settings, {
    ...none,
    ...options,
    caCerts,
    sni,
  }) as ListenerSecureSocketSettings;
}

/** A listener that asks clients for certificates must say who may sign them, or nobody would be let in. */
function checkWhoIsTrusted(
  clientAuth: ListenerSecureSocketSettings["clientAuth"],
  config: ListenerCertificateConfig,
): void {
  if (clientAuth === "none" || trustsSome(config)) return;
  throw new TypeError(
    `secureSocket.clientAuth is ${shown(clientAuth)}, so caCerts or caCertFile must be given`,
  );
}

/** Checks the certificate of a listener, and those for names. Returns the latter by the names that clients ask for. */
function checkOwn(options: ListenerCertificateConfig): ListenerSecureSocketSettings["sni"] {
  if (!hasCertificate(options)) {
    throw new TypeError(
      "secureSocket must have a certificate and its key: give certFile and keyFile, or cert and key",
    );
  }
  const sni: Record<string, CertificateConfig> = Object.create(null);
  const { sni: given = {} } = options;
  checkObject("secureSocket.sni", given, kindOnly);
  for (const [name, value] of readEntries("secureSocket.sni", given)) {
    if (!SNI_NAME.test(name)) {
      throw new TypeError(`secureSocket.sni must have host names as keys: got ${shown(name)}`);
    }
    const at = `secureSocket.sni[${shown(name)}]`;
    checkObject(at, value, kindOnly);
    const one = readOptions(at, value, CERTIFICATE_OPTIONS);
    checkCertificate(one, at);
    if (!hasCertificate(one)) throw new TypeError(`${at} must have a certificate and its key`);
    const asked = asciiName(name);
    if (asked in sni) throw new TypeError(`${at} is a name that secureSocket.sni has twice`);
    sni[asked] = one;
  }
  return Object.freeze(sni);
}
