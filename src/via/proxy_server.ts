// A proxy that a client goes through: read from its URL, which may have a user name and a password.
//
// Decision record: what identifies somebody must not get into a log. So no message quotes the URL, whatever is wrong
// with it, nor what was passed in its place, which may hold one; the two are private to the object, which cannot be
// shown with them; and a proxy that says them back in its answer is not quoted with them. The URL is read here and not
// by `URL`: that quotes what it refuses, and takes a password with a slash in it for a path.

import { checkHost, formatAddress } from "../base/address.ts";
import { shown } from "../base/arguments.ts";
import { optionNames, readOptions } from "../base/options.ts";
import { isRevoked, isRuntimeKind } from "../base/runtime_kind.ts";
import { latin1Of } from "../bytes/latin1.ts";
import {
  type ClientSecureSocketConfig,
  type ClientSecureSocketSettings,
  resolveClientSecureSocket,
} from "../tls/client_secure_socket_config.ts";

/** A proxy with options of its own. */
export interface ProxyServerConfig {
  /**
   * Its address: `"socks5://user:password@host:1080"`, `"socks5h://…"`, `"http://…"` or `"https://…"`. The user name
   * and the password are optional; special characters in them may be percent-encoded. Without a port it is 1080, 80 or
   * 443.
   */
  readonly url: string;
  /** How the connection to an `https://` proxy is made secure. */
  readonly secureSocket?: ClientSecureSocketConfig;
}

/** What a proxy speaks. */
export type ProxyKind = "socks5" | "socks5h" | "http" | "https";

/** Who somebody is to a proxy. */
export interface Credentials {
  /** The user name. */
  readonly user: string;
  /** The password, which may be empty. */
  readonly password: string;
}

const OPTIONS = optionNames<ProxyServerConfig>({ url: true, secureSocket: true });

const DEFAULT_PORTS: Readonly<Record<ProxyKind, number>> = {
  socks5: 1080,
  socks5h: 1080,
  http: 80,
  https: 443,
};

const SCHEME = /^(socks5h?|https?):\/\//i;
const HOST_AND_PORT = /^(\[[^[\]/]+\]|[^:[\]/]+)(?::(\d{1,5}))?\/?$/;
/** What RFC 1929 has room for. */
const MAX_SOCKS_LENGTH = 255;
/** Far more than anybody has; a header of a request should not be longer. */
const MAX_HTTP_LENGTH = 4_096;

/** A proxy, checked. */
export class ProxyServer {
  /** What it speaks. */
  readonly kind: ProxyKind;
  /** Its host name or IP address. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
  /** How the connection to it is made secure, where it is. */
  readonly secureSocket: ClientSecureSocketSettings | undefined;
  readonly #credentials: Credentials | undefined;

  private constructor(
    kind: ProxyKind,
    [host, port]: readonly [string, number],
    credentials: Credentials | undefined,
    secureSocket: ClientSecureSocketConfig,
  ) {
    this.kind = kind;
    this.host = host;
    this.port = port;
    this.#credentials = credentials;
    this.secureSocket = kind === "https"
      ? resolveClientSecureSocket(secureSocket, host)
      : undefined;
  }

  /**
   * Reads what a user has passed.
   *
   * @param name What it is, for the message: `"via"`.
   * @param value A URL, or a {@linkcode ProxyServerConfig}.
   * @throws {TypeError | RangeError} It is none; the message does not quote it.
   */
  static read(name: string, value: string | ProxyServerConfig): ProxyServer {
    if (typeof value === "string") return ProxyServer.#parse(name, value, undefined);
    if (!mayHoldOptions(value)) {
      throw new TypeError(`${name} must be the URL of a proxy: got ${kindOf(value)}`);
    }
    checkSpelling(name, value);
    const { url, secureSocket } = readOptions(name, value, OPTIONS);
    if (typeof url !== "string") {
      throw new TypeError(`${name}.url must be the URL of a proxy: got ${kindOf(url)}`);
    }
    if (secureSocket !== undefined && !mayHoldOptions(secureSocket)) {
      const kind = kindOf(secureSocket);
      throw new TypeError(`${name}.secureSocket must be an object: got ${kind}`);
    }
    return ProxyServer.#parse(`${name}.url`, url, secureSocket);
  }

  static #parse(
    name: string,
    url: string,
    secureSocket: ClientSecureSocketConfig | undefined,
  ): ProxyServer {
    const scheme = SCHEME.exec(url);
    if (scheme === null) {
      throw new TypeError(`${name} must begin with socks5://, socks5h://, http:// or https://`);
    }
    const kind = scheme[1]!.toLowerCase() as ProxyKind;
    if (secureSocket !== undefined && kind !== "https") {
      throw new TypeError(`${name} must begin with https:// where there is a secureSocket`);
    }
    const rest = url.slice(scheme[0].length);
    const at = rest.lastIndexOf("@");
    const address = addressIn(name, rest.slice(at + 1), DEFAULT_PORTS[kind]);
    const credentials = at < 0 ? undefined : credentialsIn(name, rest.slice(0, at), kind);
    return new ProxyServer(kind, address, credentials, secureSocket ?? {});
  }

  /** Its name in messages. */
  get name(): string {
    return `${this.kind}://${formatAddress(this.host, this.port)}`;
  }

  /** Who the client is to it, where it was told. */
  credentials(): Credentials | undefined {
    return this.#credentials;
  }

  /** What a request of HTTP says about who the client is. */
  get basicToken(): string | undefined {
    if (this.#credentials === undefined) return undefined;
    const { user, password } = this.#credentials;
    return new TextEncoder().encode(`${user}:${password}`).toBase64();
  }

  /** Text of the proxy, without what only it and the client should know. */
  redacted(text: string): string {
    if (this.#credentials === undefined) return text;
    const { user, password } = this.#credentials;
    const token = this.basicToken!;
    // Others leave out its end, or write it as in a URL.
    const bare = token.replace(/=+$/, "");
    const inUrl = bare.replaceAll("+", "-").replaceAll("/", "_");
    const secrets = [token, bare, inUrl, `${user}:${password}`, password, user];
    return secrets.filter((secret) => secret !== "").flatMap(spellingsOf)
      .reduce((text, secret) => text.replaceAll(secret, "..."), text);
  }
}

/** Whether it is an object of the user's: the message that refuses others as options would quote them. */
function mayHoldOptions(value: unknown): value is object {
  return typeof value === "object" && value !== null && !isRevoked(value) && !isRuntimeKind(value);
}

/** What a value is, without what it holds: it may be a URL in another dress. */
function kindOf(value: unknown): string {
  if (isRevoked(value)) return "a proxy that was revoked";
  if (typeof value === "object" && value !== null) {
    if (Array.isArray(value)) return "an array";
    return value instanceof URL ? "a URL object (pass its href)" : "an object";
  }
  const mayHoldText = ["string", "symbol", "function"].includes(typeof value);
  return mayHoldText ? `a ${typeof value}` : shown(value);
}

/** Refuses an option whose name may not be quoted: what is no name may be a URL. */
function checkSpelling(name: string, config: object): void {
  if (Object.keys(config).every((field) => /^\w{1,40}$/.test(field))) return;
  throw new TypeError(`${name} has an option with a wrong name: use one of ${OPTIONS.join(", ")}`);
}

/** How a proxy may write what it was told, read as one character a byte. */
function spellingsOf(secret: string): readonly string[] {
  return [secret, latin1Of(new TextEncoder().encode(secret)), encodeURIComponent(secret)];
}

function addressIn(name: string, text: string, defaultPort: number): readonly [string, number] {
  const parts = HOST_AND_PORT.exec(text);
  const port = Number(parts?.[2] ?? defaultPort);
  const host = hostIn(parts?.[1]);
  if (host === undefined) {
    throw new TypeError(
      `${name} must have the form socks5://user:password@host:port: its host or port is wrong`,
    );
  }
  if (port < 1 || port > 65_535) {
    throw new RangeError(`${name} must have a port from 1 to 65535: got ${port}`);
  }
  return [host, port];
}

function hostIn(text: string | undefined): string | undefined {
  try {
    return checkHost("host", text);
  } catch {
    // Its message quotes what may be a part of a password.
    return undefined;
  }
}

function credentialsIn(name: string, text: string, kind: ProxyKind): Credentials {
  const colon = text.indexOf(":");
  const [user, password] = [
    colon < 0 ? text : text.slice(0, colon),
    colon < 0 ? "" : text.slice(colon + 1),
  ].map((part) => decoded(name, part)) as [string, string];
  if (user === "") throw new TypeError(`${name} must have a user name before its password`);
  const isSocks = kind.startsWith("socks");
  const most = isSocks ? MAX_SOCKS_LENGTH : MAX_HTTP_LENGTH;
  if ([user, password].some((part) => new TextEncoder().encode(part).length > most)) {
    throw new RangeError(
      `${name} must have a user name and a password of at most ${most} bytes each`,
    );
  }
  if (!isSocks && user.includes(":")) {
    throw new TypeError(`${name} must have a user name without a colon: HTTP has no room for one`);
  }
  return { user, password };
}

function decoded(name: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError(
      `${name} has a percent sign in its user name or password that encodes nothing: write %25`,
    );
  }
}
