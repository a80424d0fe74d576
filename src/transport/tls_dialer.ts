// The client's side of TLS by node:tls, over any stream: shows a certificate of its own, tells the server's.

import { connect, createSecureContext, type SecureContext } from "node:tls";
import { isIP } from "node:net";
import type { Transport } from "../network.ts";
import { loadIdentity } from "./credentials.ts";
import { type ClientSecureSocket, hasCertificate } from "./secure_socket.ts";
import { type HandshakeOutcome, type LayerOptions, TlsLayer } from "./tls_layer.ts";
import { secureInfoOf } from "./tls_server.ts";
import type { TlsWire } from "./tls_wire.ts";

/** What a handshake of this side needs, ready for use. */
export class TlsDialer {
  readonly #config: ClientSecureSocket;
  readonly #context: SecureContext;

  private constructor(config: ClientSecureSocket, context: SecureContext) {
    this.#config = config;
    this.#context = context;
  }

  /**
   * Reads certificate and key, where there are any.
   *
   * @param config Options that were checked.
   * @param trusted Certificates that the server's may be signed by, checked.
   * @throws {GenericError} `"handshake"`, or `"denied"`: says which file or option, and what is wrong with it.
   */
  static async load(
    config: ClientSecureSocket,
    trusted: readonly string[] | undefined,
  ): Promise<TlsDialer> {
    const { minVersion = "TLSv1.2", trustSystemCerts = true } = config;
    const identity = hasCertificate(config) ? await loadIdentity(config, "secureSocket") : {};
    const options = { ...identity, minVersion };
    if (!trustSystemCerts || trusted === undefined) {
      const ca = trusted === undefined ? {} : { ca: [...trusted] };
      return new TlsDialer(config, createSecureContext({ ...options, ...ca }));
    }
    // `ca` would stand instead of the system's certificates, and naming those beside it costs 100 ms for each
    // connection. Where the method to add one is missing, less is trusted, not more.
    const context = createSecureContext(options);
    const { addCACert } = context.context as { addCACert?: (pem: string) => void };
    if (addCACert === undefined) {
      return new TlsDialer(config, createSecureContext({ ...options, ca: [...trusted] }));
    }
    for (const pem of trusted) addCACert.call(context.context, pem);
    return new TlsDialer(config, context);
  }

  /**
   * Shakes hands with a server.
   *
   * @param transport The stream, which is the layer's from now on.
   * @param serverName The name to ask for, or an IP address.
   * @param options What the layer is told.
   * @throws {unknown} Why not; the stream is still open.
   */
  async connect(
    transport: Transport,
    serverName: string,
    options?: LayerOptions,
  ): Promise<Transport> {
    const layer = new TlsLayer(transport, options);
    await layer.handshake((wire, outcome) => this.#begin(wire, outcome, serverName), true);
    return layer;
  }

  #begin(wire: TlsWire, outcome: HandshakeOutcome, serverName: string): void {
    const { alpnProtocols, verifyHostname = true } = this.#config;
    const isAddress = isIP(serverName) !== 0;
    const socket = connect({
      socket: wire,
      secureContext: this.#context,
      // Said here, it cannot be switched off by the environment.
      rejectUnauthorized: true,
      host: serverName,
      ...(isAddress ? {} : { servername: serverName }),
      ...(alpnProtocols === undefined ? {} : { ALPNProtocols: [...alpnProtocols] }),
      ...(verifyHostname ? {} : { checkServerIdentity: () => undefined }),
    });
    let isOver = false;
    socket.once("secureConnect", () => {
      isOver = true;
      const name = isAddress ? undefined : serverName;
      outcome.agreed(socket, secureInfoOf(socket, name, socket.getPeerX509Certificate()));
    });
    socket.on("error", (error) => {
      if (!isOver) outcome.failed(error);
      isOver = true;
    });
  }
}
