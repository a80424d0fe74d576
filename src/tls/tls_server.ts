// The listener's side of TLS: certificates, and the handshake over a stream that was accepted.
//
// Decision record: node:tls reports whether a client's certificate verifies only through a tls.Server (its TLSSocket
// alone accepts every certificate, even with `rejectUnauthorized`), and a tls.Server does not say which stream an event
// belongs to. So each handshake under way has its own tls.Server, which never listens and gets the stream as its
// "connection". Making one costs 0.5 ms, so they are reused.
//
// Decision record: the runtime has one key for the sessions of all servers of the process and resumes whatever was
// sealed with it, without looking at the certificate. So a session with a listener that asks for no certificate opened
// one that requires one, and a session outlived the authority that had let it in. No option of node:tls changes that,
// or prevents it from handing sessions out, and clients offer theirs again and again. So a session is resumed only with
// a certificate that a full handshake has verified here, by the same authorities. A client with any other is not
// refused, but does a full handshake. Nothing makes TLS 1.3 do that once the session is offered, so it is TLS 1.2 if
// both sides speak it, this once. Otherwise the client gets an alert instead of an answer; then it forgets the session,
// and its next handshake is a full one.

import { createSecureContext, type SecureContext, Server, type TLSSocket } from "node:tls";
import type { X509Certificate } from "node:crypto";
import { checkRead } from "../network/counts.ts";
import type { Transport } from "../network/network.ts";
import { reasonOf } from "../base/errors.ts";
import { bare } from "../base/options.ts";
import { young } from "../base/young.ts";
import type { SecureInfo } from "../network/secure_info.ts";
import { asciiName } from "./certificate_names.ts";
import { describeCertificate, hasExpired, type Identity, loadTrusted } from "./credentials.ts";
import { type ClientHello, readClientHello } from "./client_hello.ts";
import type { ListenerSecureSocketSettings } from "./listener_secure_socket_config.ts";
import { SessionProbe } from "./session_probe.ts";
import { type HandshakeOutcome, type LayerOptions, TlsLayer } from "./tls_layer.ts";
import type { TlsWire } from "./tls_wire.ts";
import { loadTriedIdentity } from "./trial.ts";

/** How many unused servers are kept. */
const MAX_SPARE_SERVERS = 32;

/** How many certificates are remembered; a client whose certificate is forgotten has to do a full handshake again. */
const MAX_VERIFIED = 10_000;

/** A fatal alert in the clear: handshake failure. */
const ALERT = new Uint8Array([21, 3, 3, 0, 2, 2, 40]);

/** An alert that has come is answered by none. */
const SAID_BY_PEER = /received fatal alert|got Alert/;

/** Options of node:tls. */
type Options = Readonly<Record<string, unknown>>;

/** What a handshake of this side needs, ready for use. */
export class TlsServer {
  readonly #options: Options;
  /** The same for TLS 1.2 alone; `undefined` if that is not spoken. */
  readonly #older: (() => Options) | undefined;
  readonly #probe: SessionProbe;
  readonly #clientAuth: "none" | "request" | "require";
  readonly #spare: Server[] = [];
  /** The authorities that sign clients' certificates. */
  readonly #authorities: string;
  /** Fingerprints of certificates that a full handshake has verified, by these authorities. */
  readonly #verified: Set<string>;

  private constructor(
    optionsUpTo: (maxVersion?: "TLSv1.2") => Options,
    speaksTls12: boolean,
    clientAuth: "none" | "request" | "require",
    authorities: string,
    verified: Set<string>,
  ) {
    this.#options = optionsUpTo();
    this.#probe = new SessionProbe(this.#options);
    if (speaksTls12) {
      let older: Options | undefined;
      this.#older = young(() => older ??= optionsUpTo("TLSv1.2"));
    }
    this.#clientAuth = clientAuth;
    this.#authorities = authorities;
    this.#verified = verified;
  }

  /**
   * Reads certificates and keys.
   *
   * @param settings The options and certificates.
   * @param before The one that this replaces.
   * @throws {GenericError} `"handshake"`, or `"denied"`: says which file or option cannot be used, and why.
   */
  static async load(
    settings: ListenerSecureSocketSettings,
    before?: TlsServer,
  ): Promise<TlsServer> {
    const { alpnProtocols, minVersion, clientAuth, sni } = settings;
    const { cert, key } = await loadTriedIdentity(settings, "secureSocket");
    const ca = clientAuth === "none" ? undefined : await loadTrusted(settings, "secureSocket");
    const named = new Map<string, Identity>();
    for (const [name, one] of Object.entries(sni)) {
      named.set(name, await loadTriedIdentity(one, `secureSocket.sni[${JSON.stringify(name)}]`));
    }
    const authorities = ca?.join() ?? "";
    const isSame = before !== undefined && before.#authorities === authorities;
    const verified = isSame ? before.#verified : new Set<string>();
    const optionsUpTo = (maxVersion?: "TLSv1.2") => {
      const shared = {
        minVersion,
        ...(maxVersion === undefined ? {} : { maxVersion }),
        ...(ca === undefined ? {} : { ca }),
      };
      return bare({
        cert,
        key,
        ...shared,
        allowHalfOpen: true,
        // None: node:tls forgets to end its timer if a handshake fails, and so keeps all of it for two minutes. Zero
        // would be its default. The caller limits how long a handshake may take.
        handshakeTimeout: -1,
        requestCert: clientAuth !== "none",
        // If certificates are only requested, a client without one is let in; see #admit.
        rejectUnauthorized: clientAuth === "require",
        ALPNProtocols: alpnProtocols === undefined ? undefined : [...alpnProtocols],
        ...(named.size === 0 ? {} : { SNICallback: chooserOf(named, shared) }),
      });
    };
    const speaksTls12 = minVersion === "TLSv1.2";
    return new TlsServer(optionsUpTo, speaksTls12, clientAuth, authorities, verified);
  }

  /**
   * Shakes hands with a client.
   *
   * @param transport The stream, which belongs to the layer from now on.
   * @param options The options of the layer.
   * @throws {unknown} Why not; the stream is still open.
   */
  async accept(transport: Transport, options: LayerOptions = {}): Promise<Transport> {
    if (this.#clientAuth === "none") return await this.#shakeHands(transport, options);
    const { onFirstBytes = () => {}, ...others } = options;
    const [said, hello] = await hear(transport, onFirstBytes);
    const older = hello.offersSession && await this.#isStale(said)
      ? await this.#olderFor(hello, transport)
      : undefined;
    return await this.#shakeHands(transport, { ...others, said }, older);
  }

  async #shakeHands(
    transport: Transport,
    options: LayerOptions,
    others?: Options,
  ): Promise<Transport> {
    const layer = new TlsLayer(transport, options);
    let refusal: { readonly wire: TlsWire; readonly error: unknown } | undefined;
    try {
      await layer.handshake((wire, { agreed, failed }) => {
        const refuse = (error: unknown) => {
          refusal = { wire, error };
          failed(error);
        };
        this.#begin(wire, { agreed, failed: refuse }, others);
      });
    } catch (error) {
      if (refusal !== undefined) await sayNo(transport, refusal.wire, refusal.error);
      throw error;
    }
    return layer;
  }

  /** Whether a client offers a session that does not prove who it is. */
  async #isStale(said: Uint8Array): Promise<boolean> {
    const resumed = await this.#probe.ask(said);
    if (resumed === undefined) return false;
    const { certificate } = resumed;
    // For a client without a certificate a session changes nothing, unless it must have one.
    if (certificate === undefined) return this.#clientAuth === "require";
    return hasExpired(certificate) || !this.#verified.has(certificate.fingerprint256);
  }

  /** Makes a client do a full handshake instead of resuming its session. */
  async #olderFor({ speaksBoth }: ClientHello, transport: Transport): Promise<Options> {
    if (speaksBoth && this.#older !== undefined) return this.#older();
    await transport.write(ALERT);
    throw new Error("VERIFY_FAILED: its session was not begun here");
  }

  #begin(wire: TlsWire, outcome: HandshakeOutcome, others?: Options): void {
    const spare = others === undefined ? this.#spare : [];
    const server = spare.pop() ?? new Server(others ?? this.#options);
    const release = () => {
      server.removeAllListeners("secureConnection");
      server.removeAllListeners("tlsClientError");
      if (spare.length < MAX_SPARE_SERVERS) spare.push(server);
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

  /** Checks who the client is. @throws {Error} It has not shown what is required. */
  #admit(socket: TLSSocket): SecureInfo {
    const { servername } = socket as { servername?: string | null };
    const asked = servername ? asciiName(servername) : undefined;
    if (this.#clientAuth === "none") {
      return secureInfoOf(socket, asked, undefined);
    }
    const certificate = socket.getPeerX509Certificate();
    if (certificate !== undefined) this.#verify(socket, certificate);
    else if (this.#clientAuth === "require") throw new Error("peer sent no certificates");
    return secureInfoOf(socket, asked, certificate);
  }

  #verify(socket: TLSSocket, certificate: X509Certificate): void {
    if (hasExpired(certificate)) throw new Error("CERT_HAS_EXPIRED");
    const { fingerprint256 } = certificate;
    const verified = this.#verified;
    const isKnown = verified.delete(fingerprint256);
    if (socket.isSessionReused()) {
      if (!isKnown) throw new Error("VERIFY_FAILED: its session was not begun here");
    } else if (!socket.authorized) {
      throw refusalOf(String(socket.authorizationError));
    }
    // The certificate that was not seen for the longest time is forgotten first.
    verified.add(fingerprint256);
    if (verified.size > MAX_VERIFIED) verified.delete(verified.values().next().value!);
  }
}

/**
 * If node:tls has refused the client's certificate it says only "socket hang up", and has one code for both a
 * certificate that has expired and one with an unknown issuer.
 */
function refusalOf(code: string): Error {
  const isVague = code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
  return new Error(
    isVague
      ? "VERIFY_FAILED: it has expired, or no authority that is trusted here has signed it"
      : code,
  );
}

/** Where it chooses by name, node:tls hangs up without a word on a client that it refuses at its first message. */
async function sayNo(transport: Transport, wire: TlsWire, error: unknown): Promise<void> {
  if (wire.hasSent || SAID_BY_PEER.test(reasonOf(error))) return;
  try {
    await transport.write(ALERT);
  } catch { /* gone, or given up: why it failed is told in any case */ }
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

/** Reads until a client's first message is complete, or cannot be one. */
async function hear(
  transport: Transport,
  onFirstBytes: () => void,
): Promise<[said: Uint8Array, hello: ClientHello]> {
  let said = new Uint8Array(4 * 1024);
  let length = 0;
  for (;;) {
    const hello = readClientHello(said.subarray(0, length));
    if (typeof hello !== "number") return [said.subarray(0, length), hello];
    if (hello > said.length) {
      const larger = new Uint8Array(2 * hello);
      larger.set(said);
      said = larger;
    }
    const count = checkRead(await transport.read(said.subarray(length)), said.length - length);
    if (count === null) throw new Deno.errors.UnexpectedEof("unexpected end of file");
    if (length === 0) onFirstBytes();
    length += count;
  }
}

/** Chooses a certificate by the name that a client asks for. */
function chooserOf(named: ReadonlyMap<string, Identity>, shared: Options) {
  const contexts = new Map<string, SecureContext>();
  for (const [name, identity] of named) {
    contexts.set(
      name,
      createSecureContext(bare({ cert: identity.cert, key: identity.key, ...shared })),
    );
  }
  return (name: string, answer: (error: null, context?: SecureContext) => void) =>
    answer(null, contextFor(contexts, asciiName(name)));
}

/** The certificate for a name: its own, else that of the wildcard for its first label. */
function contextFor(
  contexts: ReadonlyMap<string, SecureContext>,
  name: string,
): SecureContext | undefined {
  const dot = name.indexOf(".");
  return contexts.get(name) ?? (dot < 0 ? undefined : contexts.get(`*${name.slice(dot)}`));
}
