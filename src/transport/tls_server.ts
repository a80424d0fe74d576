// The listener's side of TLS: certificates, and the handshake over a stream that was accepted.
//
// Decision record: node:tls tells whether a client's certificate verifies only through a tls.Server (its
// TLSSocket alone accepts every certificate, also with `rejectUnauthorized`), and a tls.Server does not say
// which stream an event belongs to. So each handshake under way has a tls.Server of its own, which never
// listens and gets the stream as its "connection". Making one costs 0.5 ms, so they are used again.

//
// Decision record: the runtime keeps one store of sessions for all servers of the process and resumes whatever is
// in it, with no look at the certificate: a session with a listener that asks for none opened one that requires
// one, and a session outlived the authority that had let it in. No option of node:tls changes that. So a session
// is resumed only with a certificate that a whole handshake has verified here, by the same authorities.

import { createSecureContext, type SecureContext, Server, type TLSSocket } from "node:tls";
import type { X509Certificate } from "node:crypto";
import type { Transport } from "../network.ts";
import type { SecureInfo } from "../secure_info.ts";
import {
  describeCertificate,
  hasExpired,
  type Identity,
  loadIdentity,
  loadTrusted,
} from "./credentials.ts";
import type { ListenerSecureSocket } from "./secure_socket.ts";
import { type HandshakeOutcome, type LayerOptions, TlsLayer } from "./tls_layer.ts";
import type { TlsWire } from "./tls_wire.ts";

/** How many servers that no handshake uses are kept. */
const MAX_SPARE_SERVERS = 32;

/** How many certificates are remembered; a client whose is forgotten shakes hands as if for the first time. */
const MAX_VERIFIED = 10_000;

/** What a handshake of this side needs, ready for use. */
export class TlsServer {
  readonly #options: Readonly<Record<string, unknown>>;
  readonly #clientAuth: "none" | "request" | "require";
  readonly #spare: Server[] = [];
  /** Who signs clients' certificates. */
  readonly #authorities: string;
  /** Fingerprints of certificates that a whole handshake has verified, by these authorities. */
  readonly #verified: Set<string>;

  private constructor(
    options: Readonly<Record<string, unknown>>,
    clientAuth: "none" | "request" | "require",
    authorities: string,
    verified: Set<string>,
  ) {
    this.#options = options;
    this.#clientAuth = clientAuth;
    this.#authorities = authorities;
    this.#verified = verified;
  }

  /**
   * Reads certificates and keys.
   *
   * @param config Options that were checked.
   * @param before What this one replaces.
   * @throws {GenericError} `"handshake"`, or `"denied"`: says which file or option, and what is wrong with it.
   */
  static async load(config: ListenerSecureSocket, before?: TlsServer): Promise<TlsServer> {
    const { alpnProtocols, minVersion = "TLSv1.2", clientAuth = "none", sni } = config;
    const identity = await loadIdentity(config, "secureSocket");
    const ca = clientAuth === "none" ? undefined : await loadTrusted(config, "secureSocket");
    const shared = { minVersion, ...(ca === undefined ? {} : { ca }) };
    const contexts = new Map<string, SecureContext>();
    for (const [name, one] of Object.entries(sni ?? {})) {
      const named: Identity = await loadIdentity(one, `secureSocket.sni[${JSON.stringify(name)}]`);
      contexts.set(name.toLowerCase(), createSecureContext({ ...named, ...shared }));
    }
    const choose = (name: string, answer: (error: null, context?: SecureContext) => void) =>
      answer(null, contextFor(contexts, name.toLowerCase()));
    const authorities = ca?.join() ?? "";
    const isSame = before !== undefined && before.#authorities === authorities;
    const verified = isSame ? before.#verified : new Set<string>();
    const options = {
      ...identity,
      ...shared,
      allowHalfOpen: true,
      // None: node:tls forgets to end its timer where a handshake fails, and holds all of it for two minutes.
      // Zero would be its default. How long a handshake may take is up to whoever asks for it.
      handshakeTimeout: -1,
      requestCert: clientAuth !== "none",
      // A client that shows none is let in where certificates are only asked for; see #admit.
      rejectUnauthorized: clientAuth === "require",
      ...(alpnProtocols === undefined ? {} : { ALPNProtocols: [...alpnProtocols] }),
      ...(contexts.size === 0 ? {} : { SNICallback: choose }),
    };
    return new TlsServer(options, clientAuth, authorities, verified);
  }

  /**
   * Shakes hands with a client.
   *
   * @param transport The stream, which is the layer's from now on.
   * @param options What the layer is told.
   * @throws {unknown} Why not; the stream is still open.
   */
  async accept(transport: Transport, options?: LayerOptions): Promise<Transport> {
    const layer = new TlsLayer(transport, options);
    await layer.handshake((wire, outcome) => this.#begin(wire, outcome));
    return layer;
  }

  #begin(wire: TlsWire, outcome: HandshakeOutcome): void {
    const server = this.#spare.pop() ?? new Server(this.#options);
    const release = () => {
      server.removeAllListeners("secureConnection");
      server.removeAllListeners("tlsClientError");
      if (this.#spare.length < MAX_SPARE_SERVERS) this.#spare.push(server);
    };
    server.once("secureConnection", (socket) => {
      release();
      try {
        outcome.agreed(socket, this.#admit(socket));
      } catch (error) {
        outcome.failed(error);
      }
    });
    server.once("tlsClientError", (error, socket) => {
      release();
      const code = socket?.authorizationError as unknown;
      outcome.failed(code === undefined || code === null ? error : refusalOf(String(code)));
    });
    server.emit("connection", wire);
  }

  /** Looks at who the client is. @throws {Error} It has not shown what is asked for. */
  #admit(socket: TLSSocket): SecureInfo {
    const { servername } = socket as { servername?: string | null };
    if (this.#clientAuth === "none") {
      return secureInfoOf(socket, servername || undefined, undefined);
    }
    const certificate = socket.getPeerX509Certificate();
    if (certificate !== undefined) this.#verify(socket, certificate);
    else if (this.#clientAuth === "require") throw new Error("peer sent no certificates");
    return secureInfoOf(socket, servername || undefined, certificate);
  }

  #verify(socket: TLSSocket, certificate: X509Certificate): void {
    if (hasExpired(certificate)) throw new Error("CERT_HAS_EXPIRED");
    const { fingerprint256 } = certificate;
    const verified = this.#verified;
    if (socket.isSessionReused()) {
      if (verified.has(fingerprint256)) return;
      throw new Error("VERIFY_FAILED: its session was not begun here");
    }
    if (!socket.authorized) throw refusalOf(String(socket.authorizationError));
    verified.add(fingerprint256);
    if (verified.size > MAX_VERIFIED) verified.delete(verified.values().next().value!);
  }
}

/**
 * Where it has refused the client's certificate it says only "socket hang up", and has one code for a
 * certificate that has expired and for one that somebody unknown has signed.
 */
function refusalOf(code: string): Error {
  const isVague = code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
  return new Error(
    isVague ? "VERIFY_FAILED: it has expired, or nobody we trust has signed it" : code,
  );
}

/** What a socket of node:tls has agreed on. */
export function secureInfoOf(
  socket: TLSSocket,
  serverName: string | undefined,
  certificate: ReturnType<TLSSocket["getPeerX509Certificate"]>,
): SecureInfo {
  return {
    protocol: socket.getProtocol() as SecureInfo["protocol"],
    alpnProtocol: socket.alpnProtocol || undefined,
    serverName,
    peerCertificate: certificate === undefined ? undefined : describeCertificate(certificate),
  };
}

/** The certificate for a name: its own, else that of the wildcard for its first label. */
function contextFor(
  contexts: ReadonlyMap<string, SecureContext>,
  name: string,
): SecureContext | undefined {
  const dot = name.indexOf(".");
  return contexts.get(name) ?? (dot < 0 ? undefined : contexts.get(`*${name.slice(dot)}`));
}
