// The client's side of TLS by node:tls, over any stream: shows a certificate of its own, gives the server's.

import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { connect, type ConnectionOptions, createSecureContext, type SecureContext } from "node:tls";
import { shown } from "../base/arguments.ts";
import type { Transport } from "../network/network.ts";
import { bare } from "../base/options.ts";
import { type AskedHost, askedHost, isValidFor, readNames } from "./certificate_names.ts";
import { type ShownCertificate, TrustedCertificates } from "./certificate_path.ts";
import { type Identity, loadIdentity } from "./credentials.ts";
import type { ClientSecureSocketSettings } from "./client_secure_socket_config.ts";
import { hasCertificate } from "./secure_socket_config.ts";
import { type HandshakeOutcome, type LayerOptions, TlsLayer } from "./tls_layer.ts";
import { secureInfoOf } from "./tls_server.ts";
import { type SessionShelf, shelfOf } from "./tls_sessions.ts";
import type { TlsWire } from "./tls_wire.ts";
import { loadTriedIdentity, tryIdentity, unusableKey } from "./trial.ts";

/** A fatal alert, in the clear: a client may send it until it has sent something encrypted (RFC 8446, 6). */
const BAD_CERTIFICATE = Uint8Array.of(0x15, 0x03, 0x03, 0, 2, 2, 42);

/** What a handshake of this side needs, ready for use. */
export class TlsDialer {
  readonly #settings: ClientSecureSocketSettings;
  readonly #context: SecureContext;
  readonly #identity: Identity | undefined;
  readonly #sessions: SessionShelf | undefined;
  /** Those that were passed, if any: without them the engine's verdict counts. */
  readonly #trusted: TrustedCertificates | undefined;
  /** What a session was begun under, besides the name of the server. */
  readonly #conditions: string;

  private constructor(
    settings: ClientSecureSocketSettings,
    context: SecureContext,
    identity: Identity | undefined,
    trusted: readonly string[] | undefined,
  ) {
    this.#settings = settings;
    this.#context = context;
    this.#identity = identity;
    const { sessions, trustSystemCerts } = settings;
    this.#trusted = trusted && new TrustedCertificates(trusted, !trustSystemCerts);
    this.#sessions = sessions === undefined ? undefined : shelfOf(sessions);
    this.#conditions = sessions === undefined ? "" : conditionsOf(settings, identity, trusted);
  }

  /**
   * Reads certificate and key, if there are any.
   *
   * @param settings Which name to ask for and whom to trust.
   * @param trusted Certificates that may sign the server's, checked.
   * @param isTried Whether certificate and key are tried.
   * @throws {GenericError} `"handshake"`, or `"denied"`: says which file or option cannot be used, and why.
   */
  static async load(
    settings: ClientSecureSocketSettings,
    trusted: readonly string[] | undefined,
    isTried = false,
  ): Promise<TlsDialer> {
    const read = isTried ? loadTriedIdentity : loadIdentity;
    const identity = hasCertificate(settings) ? await read(settings, "secureSocket") : undefined;
    try {
      return new TlsDialer(settings, contextOf(settings, identity, trusted), identity, trusted);
    } catch (error) {
      throw await refusalOf(identity, error);
    }
  }

  /**
   * Shakes hands with a server.
   *
   * @param transport The stream, which belongs to the layer from now on.
   * @param serverName The name to ask for, or an IP address.
   * @param options The options of the layer.
   * @throws {unknown} Why not; the stream is still open.
   */
  async connect(
    transport: Transport,
    serverName: string,
    options?: LayerOptions,
  ): Promise<Transport> {
    const layer = new TlsLayer(transport, options);
    const asked = askedHost(serverName);
    try {
      await layer.handshake((wire, outcome) => this.#begin(wire, outcome, asked), true);
    } catch (error) {
      // It may be the session that the server does not like.
      this.#sessions?.forget(this.#keyFor(asked));
      throw await refusalOf(this.#identity, error);
    }
    return layer;
  }

  #begin(wire: TlsWire, outcome: HandshakeOutcome, asked: AskedHost): void {
    const { alpnProtocols } = this.#settings;
    const servername = asked.isAddress ? undefined : asked.host;
    const sessions = this.#sessions;
    const key = this.#keyFor(asked);
    const session = sessions?.offer(key);
    const socket = connect(bare<ConnectionOptions>({
      socket: wire,
      secureContext: this.#context,
      // Set here, the environment cannot switch it off.
      rejectUnauthorized: true,
      host: asked.host,
      ...(servername === undefined ? {} : { servername }),
      ...(session === undefined ? {} : { session: session as Buffer }),
      // Set even if there are none: it is copied, and otherwise looked up on Object.prototype.
      ALPNProtocols: alpnProtocols === undefined ? undefined : [...alpnProtocols],
      checkServerIdentity: (_, certificate) => {
        const refusal = this.#objectionTo(certificate, asked, socket.isSessionReused());
        // With TLS 1.3 this side's last message of the handshake has not gone out: the server gets this alert instead.
        // With TLS 1.2 it has, and the engine cannot be made to send an alert: the connection is cut.
        const isOpen = socket.getProtocol() === "TLSv1.3";
        if (refusal !== undefined && isOpen) wire.sendLast(BAD_CERTIFICATE);
        return refusal;
      },
    }));
    let isOver = false;
    const fail = (error: unknown) => {
      if (!isOver) outcome.failed(error);
      isOver = true;
    };
    socket.once("secureConnect", () => {
      try {
        const secure = secureInfoOf(socket, servername, socket.getPeerX509Certificate());
        isOver = true;
        if (session !== undefined && socket.isSessionReused()) sessions!.countResumed();
        outcome.agreed(socket, secure);
      } catch (error) {
        fail(error);
      }
    });
    socket.on("error", fail);
    // With TLS 1.3 it comes after the handshake. Of one that fails there is none.
    if (sessions !== undefined) socket.on("session", (session) => sessions.keep(key, session));
  }

  /** Under what a session is kept. */
  #keyFor({ host }: AskedHost): string {
    return `${host} ${this.#conditions}`;
  }

  /**
   * What is wrong with the server's certificate, although the engine found that a trusted one has signed it.
   *
   * @param isResumed Whether its session was begun by a handshake in which nothing was wrong.
   */
  #objectionTo(
    certificate: ShownCertificate,
    asked: AskedHost,
    isResumed: boolean,
  ): Error | undefined {
    const { verifyHostname } = this.#settings;
    const der = certificate.raw;
    try {
      if (der === undefined) return new Error("the server has shown no certificate");
      const problem = isResumed ? undefined : this.#trusted?.problemOf(certificate);
      if (problem !== undefined) return new Error(problem);
      const { altNames, isAuthority, version } = readNames(der);
      // Deno's own engine accepts neither. node:tls accepts the first if its names are not checked, and the second if
      // it is trusted itself.
      if (version !== 3) return new Error("UnsupportedCertVersion");
      if (isAuthority) return new Error("CaUsedAsEndEntity");
      if (!verifyHostname || isValidFor(altNames, asked)) return undefined;
      const valid = altNames.map(({ type, value }) => `${type}:${shown(value)}`).join(", ");
      return new Error(`NotValidForName: ${shown(asked.host)} is not one of: ${valid || "none"}`);
    } catch (error) {
      return error as Error;
    }
  }
}

/** All that must be the same for a session to be resumed, in a few characters. */
function conditionsOf(
  settings: ClientSecureSocketSettings,
  identity: Identity | undefined,
  trusted: readonly string[] | undefined,
): string {
  const { minVersion, trustSystemCerts, verifyHostname, alpnProtocols } = settings;
  const own = identity && [identity.cert, identity.key];
  const all = [minVersion, trustSystemCerts, verifyHostname, alpnProtocols, own, trusted];
  return createHash("sha256").update(JSON.stringify(all.map((one) => one ?? null))).digest("hex");
}

function contextOf(
  { minVersion, trustSystemCerts }: ClientSecureSocketSettings,
  identity: Identity | undefined,
  trusted: readonly string[] | undefined,
): SecureContext {
  const own = identity === undefined ? {} : { cert: identity.cert, key: identity.key };
  const options = { ...own, minVersion };
  if (trusted === undefined) return createSecureContext(bare(options));
  const alone = () => createSecureContext(bare({ ...options, ca: [...trusted] }));
  if (!trustSystemCerts) return alone();
  // `ca` would replace the system's certificates, and passing those as well costs 100 ms for each connection. If the
  // method to add one is missing, less is trusted, not more.
  const context = createSecureContext(bare(options));
  const { addCACert } = context.context as { addCACert?: (pem: string) => void };
  if (addCACert === undefined) return alone();
  for (const pem of trusted) addCACert.call(context.context, pem);
  return context;
}

/** The error for a failure: if the engine cannot use our own key, it fails whatever the server does. */
async function refusalOf(identity: Identity | undefined, error: unknown): Promise<unknown> {
  if (identity === undefined) return error;
  const failure = await tryIdentity(identity);
  return failure === undefined ? error : unusableKey(identity, failure) ?? error;
}
