// Makes the connections of one listener secure. It has its certificates, which may change while it runs, and does the
// handshake with one client, which ends in time and says what was wrong.

import { checkRead } from "../network/counts.ts";
import { patientTimeout, waitFor } from "../network/deadline.ts";
import { GenericError, ignore, type SocketError } from "../base/errors.ts";
import { callQuietly, refusePromise } from "../base/user_code.ts";
import { endOf, hostOf } from "../base/address.ts";
import { free } from "../network/free.ts";
import type { Clock, Transport } from "../network/network.ts";
import { CertificateWatch, stateOf } from "./certificate_watch.ts";
import { ReplayedTransport } from "../network/replayed_transport.ts";
import {
  type ListenerCertificateConfig,
  type ListenerSecureSocketSettings,
  withCertificates,
} from "./listener_secure_socket_config.ts";
import { handshakeError } from "../base/tls_failure.ts";
import { TlsServer } from "./tls_server.ts";

/** The first byte of a TLS handshake; no text begins with it. */
const HANDSHAKE_RECORD = 0x16;
/** How long a refused client may take to read the reason, and how much of what it still sends is read. */
const DISMISSAL_IN_MILLIS = 500;
const DISMISSAL_READS = 16;

/** The security of one listener. */
export class ListenerSecurity {
  readonly #clock: Clock;
  readonly #onReloaded: (error?: SocketError) => void;
  #settings: ListenerSecureSocketSettings;
  #server: TlsServer | undefined;
  #watch: CertificateWatch | undefined;
  /** Every call of `replace` has a number: that of the certificates in place, and the last one. */
  #turn = 0;
  #lastTurn = 0;

  /**
   * @param settings The options and the first certificates.
   * @param clock The time for handshakes.
   * @param onReloaded Called when changed files were read again, with the error if they cannot be used.
   */
  constructor(
    settings: ListenerSecureSocketSettings,
    clock: Clock,
    onReloaded: (error?: SocketError) => void = ignore,
  ) {
    this.#settings = settings;
    this.#clock = clock;
    this.#onReloaded = onReloaded;
  }

  /** Whether connections begin with a handshake, or may begin with one. */
  get beginsAtOnce(): boolean {
    return this.#settings.mode !== "upgrade";
  }

  /** How many handshakes may be under way. */
  get maxHandshakes(): number {
    return this.#settings.maxHandshakes;
  }

  /**
   * Reads the certificates, before anything is bound.
   *
   * @throws {GenericError} `"handshake"`, or `"denied"`: says which file or option cannot be used, and why.
   */
  async load(): Promise<void> {
    const { reloadInMillis } = this.#settings;
    if (reloadInMillis !== Infinity) {
      this.#watch = new CertificateWatch(() => this.#settings, {
        clock: this.#clock,
        reloadInMillis,
        onChange: (isAgain) => this.#reload(isAgain),
      });
      // A change while the files are read is seen at the first look.
      await this.#watch.ready();
    }
    await this.#refresh();
  }

  /**
   * Replaces the certificates for new connections. If calls overlap, the last one wins.
   *
   * @param certificates All of them; what is left out is removed.
   * @throws {TypeError} A field is wrong.
   * @throws {GenericError} `"handshake"`, or `"denied"`; the old ones stay.
   */
  async replace(certificates: ListenerCertificateConfig): Promise<void> {
    const settings = withCertificates(this.#settings, certificates);
    const turn = ++this.#lastTurn;
    // What changes while the files are read is seen at the first look.
    const state = settings.reloadInMillis === Infinity ? "" : await stateOf(settings);
    const server = await loadServer(settings, this.#server);
    // A later call has put its certificates in place already.
    if (turn < this.#turn) return;
    this.#turn = turn;
    this.#server = server;
    this.#settings = settings;
    this.#watch?.replace(state);
  }

  /**
   * Reads the files of the certificates in place again. Certificates that replace them meanwhile stay.
   *
   * @returns Whether the certificates that were read are in place.
   */
  async #refresh(): Promise<boolean> {
    const settings = this.#settings;
    const server = await loadServer(settings, this.#server);
    if (this.#settings !== settings) return false;
    this.#server = server;
    return true;
  }

  /** Begins to watch files. */
  watch(): void {
    this.#watch?.begin();
  }

  /**
   * Makes one accepted stream secure, as the mode says.
   *
   * @param transport The stream. It is freed if this fails.
   * @param signal Gives up.
   * @param onFirstBytes Called when the client has sent something.
   * @throws {GenericError} `"handshake"`, or the signal's reason.
   */
  protect(transport: Transport, signal: AbortSignal, onFirstBytes: () => void): Promise<Transport> {
    return this.#shake(transport, signal, this.#settings.mode === "optional", onFirstBytes);
  }

  /** Ends watching files. */
  stop(): void {
    this.#watch?.stop();
    this.#watch = undefined;
  }

  /**
   * Makes one stream secure that began in the clear.
   *
   * @param transport An open stream with no read under way. It belongs to the result from now on, and is freed if this
   * fails.
   * @param onFirstBytes Called once, when the client has sent its first bytes.
   * @throws {GenericError} `"handshake"`.
   */
  upgrade(transport: Transport, onFirstBytes?: () => void): Promise<Transport> {
    return this.#shake(transport, undefined, false, onFirstBytes);
  }

  /** Does the handshake. If it fails, the client gets the time to read why, and the stream is freed. */
  async #shake(
    transport: Transport,
    signal: AbortSignal | undefined,
    isOptional: boolean,
    onFirstBytes = () => {},
  ): Promise<Transport> {
    const { handshakeTimeoutInMillis: timeoutInMillis } = this.#settings;
    const server = this.#server!;
    const peer = endOf(transport, "remoteAddr");
    const host = peer === undefined ? "an unknown address" : hostOf(peer);
    const action = `Cannot make the connection from ${host} secure`;
    let isGivenUp = false;
    try {
      return await waitFor(
        {
          clock: this.#clock,
          timeoutInMillis,
          signal,
          timeoutError: () =>
            new GenericError(
              "handshake",
              `${action}: the handshake was not over within ${timeoutInMillis} ms`,
            ),
        },
        async (givenUp) => {
          givenUp.addEventListener("abort", () => {
            isGivenUp = true;
            free(transport);
          }, { once: true });
          callQuietly(() => transport.setNoDelay?.(true));
          const finish = transport.beginTls?.();
          refusePromise("a transport's beginTls", finish);
          const secure = isOptional
            ? await acceptOptional(server, transport, onFirstBytes)
            : await server.accept(transport, { onFirstBytes });
          return finish === undefined ? secure : finish(secure);
        },
        free,
      );
    } catch (cause) {
      if (!isGivenUp) await this.#dismiss(transport);
      throw handshakeError(action, cause);
    }
  }

  /**
   * Frees a stream after its unread input was read: otherwise it would be reset, and the client would never read the
   * alert.
   */
  async #dismiss(transport: Transport): Promise<void> {
    const forget = patientTimeout(this.#clock, DISMISSAL_IN_MILLIS, () => free(transport));
    try {
      await transport.closeWrite();
      const buffer = new Uint8Array(16 * 1024);
      for (let i = 0; i < DISMISSAL_READS && await transport.read(buffer) !== null; i++);
    } catch {
      // The client has gone, or its time is over.
    } finally {
      forget();
      free(transport);
    }
  }

  async #reload(isAgain: boolean): Promise<void> {
    try {
      if (await this.#refresh()) this.#onReloaded();
    } catch (error) {
      if (!isAgain) this.#onReloaded(error as SocketError);
      throw error;
    }
  }
}

async function loadServer(
  settings: ListenerSecureSocketSettings,
  before: TlsServer | undefined,
): Promise<TlsServer> {
  try {
    return await TlsServer.load(settings, before);
  } catch (cause) {
    throw handshakeError("Cannot use the certificates of secureSocket", cause);
  }
}

/** Does the handshake where the client begins one; otherwise the stream stays in the clear. */
async function acceptOptional(
  server: TlsServer,
  transport: Transport,
  onFirstBytes: () => void,
): Promise<Transport> {
  const first = await firstBytes(transport);
  if (first.length > 0) onFirstBytes();
  const whole = new ReplayedTransport(transport, first);
  return first[0] === HANDSHAKE_RECORD ? await server.accept(whole) : whole;
}

async function firstBytes(transport: Transport): Promise<Uint8Array> {
  const buffer = new Uint8Array(2 * 1024);
  return buffer.subarray(0, checkRead(await transport.read(buffer), buffer.length) ?? 0);
}
