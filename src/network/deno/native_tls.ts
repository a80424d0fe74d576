// The client's side of TLS by Deno's own engine: the fastest, but it shows no client certificate (startTls ignores
// `cert` and `key`), reports nothing of the peer's, and works over Deno's own TCP streams only.
//
// A handshake that is given up keeps the socket until the server sends something or ends: closing does not reach it.
// Keep-alive takes care of servers that are gone.

import { ipVersion } from "../../base/ip_address.ts";
import { bare } from "../../base/options.ts";
import { secureReadError } from "../../base/tls_failure.ts";
import { free } from "../free.ts";
import { holdProgram } from "../hold_program.ts";
import type { NativeTlsOptions } from "../network.ts";
import type { SecureInfo } from "../secure_info.ts";
import type { Transport } from "../transport.ts";
import type { NetworkAddress } from "../../base/address.ts";

/** What the engine takes at once; it does not say how much of it has gone out where the rest cannot. */
const LARGEST_WRITE = 64 * 1024;

/** Deno's engine. */
export type StartTls = (tcp: Deno.TcpConn, options: NativeTlsOptions) => Promise<Deno.TlsConn>;

/** Whether Deno's engine can make this stream secure. */
export function isDenoTcp(transport: Transport): transport is Deno.TcpConn {
  // Its class is not public; a test double, a layer and a Unix socket have other classes.
  return transport.constructor.name === "TcpConn" && "setKeepAlive" in transport;
}

/** A stream that Deno's engine has made secure. */
export class NativeTls implements Transport {
  readonly #tls: Deno.TlsConn;
  /** The server has said something: it finds nothing wrong with the handshake. */
  #isConfirmed = false;
  readonly localAddr: NetworkAddress;
  readonly remoteAddr: NetworkAddress;
  readonly secure: SecureInfo;
  /** A closed one still sends what it has taken. */
  readonly mayHaveSent = LARGEST_WRITE;

  private constructor(tls: Deno.TlsConn, secure: SecureInfo) {
    this.#tls = tls;
    this.localAddr = tls.localAddr;
    this.remoteAddr = tls.remoteAddr;
    this.secure = secure;
  }

  /**
   * Shakes hands with a server.
   *
   * @param tcp The stream, which is Deno's from now on; no read of it may be under way.
   * @param options What is asked for.
   * @param signal Frees the stream.
   * @param startTls The engine.
   * @throws {unknown} Why not; the stream was freed.
   */
  static async connect(
    tcp: Deno.TcpConn,
    options: NativeTlsOptions,
    signal: AbortSignal,
    startTls: StartTls,
  ): Promise<NativeTls> {
    let tls: Deno.TlsConn | undefined;
    const giveUp = () => free(tls ?? tcp);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      signal.throwIfAborted();
      tcp.setKeepAlive(true);
      tls = await startTls(tcp, bare(options));
      signal.throwIfAborted();
      const { alpnProtocol } = await tls.handshake();
      return new NativeTls(tls, {
        protocol: undefined,
        alpnProtocol: alpnProtocol ?? undefined,
        serverName: ipVersion(options.hostname) === 0 ? options.hostname : undefined,
        peerCertificate: undefined,
      });
    } catch (error) {
      giveUp();
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#tls.read(buffer).then(this.#onRead, this.#onFailure);
  }

  readonly #onRead = (count: number | null): number | null => {
    this.#isConfirmed = true;
    return count;
  };

  readonly #onFailure = (cause: unknown): never => {
    throw secureReadError(cause, this.#isConfirmed);
  };

  write(bytes: Uint8Array): Promise<number> {
    return this.#tls.write(bytes.length > LARGEST_WRITE ? bytes.subarray(0, LARGEST_WRITE) : bytes);
  }

  holdProgram(isHeld: boolean): void {
    holdProgram(this.#tls, isHeld);
  }

  closeWrite(): Promise<void> {
    return this.#tls.closeWrite();
  }

  close(): void {
    this.#tls.close();
  }
}
