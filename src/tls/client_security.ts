// Makes a client's connection secure: chooses the engine, limits the time, and explains failures.

import { waitFor } from "../network/deadline.ts";
import { GenericError } from "../base/errors.ts";
import { callQuietly, refusePromise } from "../base/user_code.ts";
import { free } from "../network/free.ts";
import type { Network, Transport } from "../network/network.ts";
import { askedHost, canBeCertified } from "./certificate_names.ts";
import type { ClientSecureSocketSettings } from "./client_secure_socket_config.ts";
import { loadTrusted } from "./credentials.ts";
import { hasCertificate, trustsSome } from "./secure_socket_config.ts";
import { handshakeError } from "../base/tls_failure.ts";
import { TlsDialer } from "./tls_dialer.ts";

/** The security of one client. */
export class ClientSecurity {
  readonly #settings: ClientSecureSocketSettings;
  readonly #network: Network;
  #trusted: string[] | undefined;
  #dialer: TlsDialer | undefined;

  /** @param settings Which name to ask for and whom to trust. @param network Where the stream comes from. */
  constructor(settings: ClientSecureSocketSettings, network: Network) {
    this.#settings = settings;
    this.#network = network;
  }

  /**
   * Reads certificates, if there are any, before anything is connected.
   *
   * @param isTried Whether a key is tried, too: that takes as long as a handshake. One that is not, and of no use, fails
   * in the handshake.
   * @throws {GenericError} `"handshake"`, or `"denied"`: says which file or option cannot be used, and why.
   */
  async load(isTried = false): Promise<void> {
    if (trustsSome(this.#settings)) {
      this.#trusted = await loadTrusted(this.#settings, "secureSocket");
    }
    if (!canBeNative(this.#settings)) await this.#loadDialer(isTried);
  }

  /**
   * Makes a stream secure.
   *
   * @param transport An open stream with no read under way. It belongs to the result from now on, and is freed if this
   * fails.
   * @param signal Gives up, with its own reason.
   * @param host The host that has answered: the name to ask for, unless the settings have one of their own.
   * @throws {GenericError} `"handshake"`: says which check failed, or that it took too long.
   */
  async secure(transport: Transport, signal?: AbortSignal, host?: string): Promise<Transport> {
    const { handshakeTimeoutInMillis: timeoutInMillis, isNameOfHost } = this.#settings;
    const serverName = isNameOfHost && host !== undefined ? host : this.#settings.serverName;
    const action = `Cannot make the connection to ${serverName} secure`;
    const asked = askedHost(serverName);
    try {
      if (!canBeCertified(asked)) {
        throw new Error("no certificate can be valid for this name");
      }
      return await waitFor(
        {
          clock: this.#network.clock,
          timeoutInMillis,
          signal,
          timeoutError: () =>
            new GenericError(
              "handshake",
              `${action}: the handshake was not over within ${timeoutInMillis} ms`,
            ),
        },
        async (givenUp) => {
          const finish = transport.beginTls?.();
          refusePromise("a transport's beginTls", finish);
          const secure = await this.#shakeHands(transport, asked.host, givenUp);
          return finish === undefined ? secure : finish(secure);
        },
        free,
      );
    } catch (cause) {
      free(transport);
      if (signal?.aborted && cause === signal.reason) throw cause;
      throw handshakeError(action, cause);
    }
  }

  async #shakeHands(
    transport: Transport,
    serverName: string,
    givenUp: AbortSignal,
  ): Promise<Transport> {
    callQuietly(() => transport.setNoDelay?.(true));
    if (canBeNative(this.#settings)) {
      const { alpnProtocols = [], verifyHostname } = this.#settings;
      const native = this.#network.startTls?.(transport, {
        hostname: serverName,
        caCerts: this.#trusted ?? [],
        alpnProtocols: [...alpnProtocols],
        unsafelyDisableHostnameVerification: !verifyHostname,
      }, givenUp);
      if (native !== undefined) return await native;
    }
    const dialer = await this.#loadDialer();
    givenUp.throwIfAborted();
    const giveUp = () => free(transport);
    givenUp.addEventListener("abort", giveUp, { once: true });
    try {
      return await dialer.connect(transport, serverName);
    } finally {
      givenUp.removeEventListener("abort", giveUp);
    }
  }

  async #loadDialer(isTried = false): Promise<TlsDialer> {
    if (this.#dialer !== undefined) return this.#dialer;
    return this.#dialer = await TlsDialer.load(this.#settings, this.#trusted, isTried);
  }
}

/** Whether Deno's own engine can do all that is asked for. */
function canBeNative(settings: ClientSecureSocketSettings): boolean {
  const { exposePeerCertificate, minVersion, trustSystemCerts } = settings;
  return !hasCertificate(settings) && !exposePeerCertificate && trustSystemCerts &&
    minVersion === "TLSv1.2" && !hasUnsafeRoot();
}

/**
 * Whether Deno's own engine would trust everybody: it looks on Object.prototype for an option that cannot be passed to
 * it.
 */
function hasUnsafeRoot(): boolean {
  return "rejectUnauthorized" in Object.prototype;
}
