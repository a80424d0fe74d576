// How a client makes its connection secure: its options, read and checked once.

import { checkHost } from "../base/address.ts";
import { checkBoolean, checkObject, kindOnly, shown } from "../base/arguments.ts";
import { askedHost, canBeCertified } from "./certificate_names.ts";
import { optionNames, readOptions, withOptions } from "../base/options.ts";
import {
  resolveShared,
  type SecureSocketConfig,
  type SecureSocketSettings,
  SHARED_MARKS,
  trustsSome,
} from "./secure_socket_config.ts";
import { TlsSessions } from "./tls_sessions.ts";

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
   * Whether the server's certificate must be valid for the name. If not, anybody with a trusted certificate can pass
   * for the server.
   *
   * @default {true}
   */
  readonly verifyHostname?: boolean;
  /**
   * Whether the certificates of the system are trusted, too; with `false` only `caCerts` are.
   *
   * @default {true}
   */
  readonly trustSystemCerts?: boolean;
  /**
   * Whether `secure.peerCertificate` and `secure.protocol` are needed. Deno's own engine does not give them; the one
   * that does costs more for each byte.
   *
   * @default {false}
   */
  readonly exposePeerCertificate?: boolean;
  /** Resumes sessions of earlier connections, where the engine can; see {@linkcode TlsSessions}. */
  readonly sessions?: TlsSessions;
}

/** The checked options of a client. */
export interface ClientSecureSocketSettings extends SecureSocketSettings {
  readonly serverName: string;
  /** Whether that is the host's, and not one that was asked for. */
  readonly isNameOfHost: boolean;
  readonly verifyHostname: boolean;
  readonly trustSystemCerts: boolean;
  readonly exposePeerCertificate: boolean;
  readonly sessions?: TlsSessions;
}

/** The names of its options. */
export const CLIENT_TLS_OPTIONS = optionNames<ClientSecureSocketConfig>({
  ...SHARED_MARKS,
  serverName: true,
  verifyHostname: true,
  trustSystemCerts: true,
  exposePeerCertificate: true,
  sessions: true,
});

/**
 * Reads and checks the options of a client.
 *
 * @param config The options that were passed.
 * @param host The host that is connected to, if there is one.
 * @returns Options that can no longer change.
 */
export function resolveClientSecureSocket(
  config: ClientSecureSocketConfig,
  host: string | undefined,
): ClientSecureSocketSettings {
  checkObject("secureSocket", config, kindOnly);
  const options = readOptions("secureSocket", config, CLIENT_TLS_OPTIONS);
  const shared = resolveShared(options);
  const {
    serverName = host,
    verifyHostname = true,
    trustSystemCerts = true,
    exposePeerCertificate = false,
  } = options;
  if (options.sessions !== undefined && !(options.sessions instanceof TlsSessions)) {
    throw new TypeError(
      `secureSocket.sessions must be a TlsSessions: got ${shown(options.sessions)}`,
    );
  }
  if (serverName === undefined) {
    throw new TypeError("secureSocket.serverName must be given for a path: no host tells the name");
  }
  const isNameOfHost = options.serverName === undefined;
  const settings = {
    ...shared,
    serverName: checkHost("secureSocket.serverName", serverName),
    isNameOfHost,
    verifyHostname: checkBoolean("secureSocket.verifyHostname", verifyHostname),
    trustSystemCerts: checkBoolean("secureSocket.trustSystemCerts", trustSystemCerts),
    exposePeerCertificate: checkBoolean(
      "secureSocket.exposePeerCertificate",
      exposePeerCertificate,
    ),
  };
  if (!trustSystemCerts && !trustsSome(options)) {
    throw new TypeError(
      "secureSocket.trustSystemCerts is false, so caCerts or caCertFile must be given",
    );
  }
  // Of several hosts another one may answer: their names are checked then.
  if (!isNameOfHost) checkAsked(settings.serverName);
  return withOptions(options, settings) as ClientSecureSocketSettings;
}

/**
 * Reads and checks the options for a connection that there is already.
 *
 * @param config The options that were passed.
 * @param host The host that it is connected to, if it is one.
 */
export function resolveUpgrade(
  config: ClientSecureSocketConfig,
  host: string | undefined,
): ClientSecureSocketSettings {
  const settings = resolveClientSecureSocket(config, host);
  checkAsked(settings.serverName);
  return settings;
}

/** Checks that there can be a certificate for a host. */
function checkAsked(serverName: string): void {
  if (canBeCertified(askedHost(serverName))) return;
  throw new TypeError(
    `secureSocket.serverName must be a name that a certificate can be valid for: got ${
      shown(serverName)
    }`,
  );
}
