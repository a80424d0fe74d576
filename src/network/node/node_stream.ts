// A stream of node:net, for clients that need what Deno's own cannot do: a local address or port, keep-alive with a
// time, and a reset. What its listeners accept is in node_listener.ts.
//
// It reads when asked. A client reads at most one piece (64 KiB) ahead: with a high water mark of one byte node:net
// stops after each. What a listener accepts has no such mark, and is read up to two pieces ahead.

import { connect, type Socket } from "node:net";
import type { ConnectTarget } from "../network.ts";
import type { Transport } from "../transport.ts";
import type { NetworkAddress } from "../../base/address.ts";
import type { Clock } from "../clock.ts";
import { bare, withOptions } from "../../base/options.ts";
import { ipVersion } from "../../base/ip_address.ts";
import { young } from "../../base/young.ts";
import { dial } from "../dial.ts";
import { freedError } from "../free.ts";
import { lookUpName } from "./name_lookup.ts";
import { requireNet } from "./net_permission.ts";

/** Where to connect to, and how. */
export type NodeConnectTarget = Pick<
  ConnectTarget,
  | "hostname"
  | "port"
  | "localAddress"
  | "localPort"
  | "keepAliveInMillis"
  | "resetOnAbort"
  | "signal"
>;

/** How much is handed over in one write, so that the progress of a slow peer can be seen. */
const LARGEST_WRITE = 64 * 1024;

/** The classes that Deno's own sockets throw, by the codes of node:net. */
const ERRORS: Readonly<Record<string, new (message: string) => Error>> = {
  EACCES: Deno.errors.PermissionDenied,
  EADDRINUSE: Deno.errors.AddrInUse,
  ECONNABORTED: Deno.errors.ConnectionAborted,
  ECONNREFUSED: Deno.errors.ConnectionRefused,
  ECONNRESET: Deno.errors.ConnectionReset,
  EPIPE: Deno.errors.BrokenPipe,
};

/**
 * Connects; rejects with what Deno's own sockets would. All addresses of a name are tried, within the one signal.
 *
 * @param target Where to, and how.
 * @param clock The clock of the pause between two addresses.
 * @param lookUp Gives the addresses of a name.
 */
export async function connectNodeStream(
  target: NodeConnectTarget,
  clock: Clock,
  lookUp: typeof lookUpName = lookUpName,
): Promise<Transport> {
  const { hostname, port, localAddress, localPort = 0 } = target;
  // A missing permission for this end that node:net finds out itself ends the process.
  if (localAddress !== undefined) requireNet(localAddress, localPort);
  requireNet(hostname, ipVersion(hostname) === 0 ? undefined : port);
  return await dial(withOptions(target, { hosts: [hostname] }), {
    clock,
    lookUp: async (...asked) => {
      const found = await lookUp(...asked);
      // It looks the name up itself, and may bind for each address.
      if (!found.isDirect) { for (const address of found.addresses) ownEnd(address, target); }
      return found;
    },
    dial: (host, signal) => connected(withOptions(target, { hostname: host, signal })),
    discard: (late) => late.close(),
  });
}

/**
 * The address that is bound at this end.
 *
 * @throws {Deno.errors.NotCapable} No permission for any address with the port that is asked for alone.
 */
function ownEnd(
  to: string,
  { localAddress, localPort = 0 }: NodeConnectTarget,
): string | undefined {
  if (localAddress !== undefined || localPort === 0 || ipVersion(to) === 0) return localAddress;
  const any = ipVersion(to) === 6 ? "::" : "0.0.0.0";
  requireNet(any, localPort);
  return any;
}

function connected(target: NodeConnectTarget): Promise<Transport> {
  const { hostname: host, port, localPort, keepAliveInMillis, signal } = target;
  const localAddress = ownEnd(host, target);
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    // What node:net makes of its options looks for these on Object.prototype, if it has none of its own.
    const options: object = {
      highWaterMark: 1,
      allowHalfOpen: true,
      noDelay: true,
      signal: undefined,
      fd: undefined,
    };
    const socket = connect(bare({
      ...options,
      host,
      port,
      ...(localPort === undefined ? {} : { localPort }),
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(keepAliveInMillis === undefined ? {} : { keepAlive: true }),
      ...(typeof keepAliveInMillis === "number"
        ? { keepAliveInitialDelay: keepAliveInMillis }
        : {}),
    }));
    const giveUp = () => {
      socket.destroy();
      reject(signal!.reason);
    };
    const settle = (end: () => void) => () => {
      signal?.removeEventListener("abort", giveUp);
      end();
    };
    signal?.addEventListener("abort", giveUp, { once: true });
    // Nothing is read before it is asked for.
    socket.pause();
    socket.on("error", (error) => settle(() => reject(translated(error)))());
    const { resetOnAbort = false } = target;
    socket.once("connect", settle(() => resolve(new NodeStream(socket, { resetOnAbort }))));
  });
}

/** What a stream of node:net is. */
export interface NodeStreamOptions {
  /** Whether it has `reset`. */
  readonly resetOnAbort?: boolean;
  /** Whether it is that of a local socket. */
  readonly isLocal?: boolean;
}

/** A stream of node:net. */
export class NodeStream implements Transport {
  readonly localAddr: NetworkAddress;
  readonly remoteAddr: NetworkAddress;
  /** node:net sends in steps, and does not say how far it came. */
  readonly mayHaveSent = LARGEST_WRITE;
  readonly #socket: Socket;
  /** What is left of the last piece. */
  #rest: Uint8Array | null = null;
  #hasEnded = false;
  #isFreed = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;
  /** Whether it keeps the program alive, whatever is under way. */
  #isHeld = true;
  /** How many writes are under way, an end included. */
  #writes = 0;
  /** Only if it was asked for. */
  declare reset?: () => void;

  /** @param socket Connected, paused, made for half-open streams. @param options What it is. */
  constructor(socket: Socket, { resetOnAbort = false, isLocal = false }: NodeStreamOptions = {}) {
    this.#socket = socket;
    const local: NetworkAddress = { transport: "unix", path: "" };
    this.localAddr = isLocal ? local : addressOf(socket.localAddress, socket.localPort);
    this.remoteAddr = isLocal ? local : addressOf(socket.remoteAddress, socket.remotePort);
    if (resetOnAbort) {
      this.reset = young(() => {
        this.#free();
        socket.resetAndDestroy();
      });
    }
    const wake = () => this.#wake?.();
    socket.on("readable", wake);
    socket.on("end", () => {
      this.#hasEnded = true;
      wake();
    });
    socket.on("error", (error) => {
      this.#error ??= translated(error);
      wake();
    });
    socket.on("close", wake);
  }

  /** It hands out single pieces, however much is there. */
  get mayHaveMore(): boolean {
    return true;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (buffer.length === 0) return 0;
    for (;;) {
      if (this.#isFreed) throw freedError();
      const piece: Uint8Array | null = this.#rest ?? this.#socket.read();
      if (piece !== null) {
        const count = Math.min(piece.length, buffer.length);
        buffer.set(piece.subarray(0, count));
        this.#rest = count === piece.length ? null : piece.subarray(count);
        return count;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#hasEnded) return null;
      if (this.#socket.destroyed) throw freedError();
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#isFreed) return Promise.reject(freedError());
    const piece = bytes.length > LARGEST_WRITE ? bytes.subarray(0, LARGEST_WRITE) : bytes;
    // Kept, because its buffer may be resized meanwhile.
    const { length } = piece;
    this.#beginWrite();
    return new Promise((resolve, reject) => {
      this.#socket.write(piece, (error) => {
        this.#endWrite();
        if (error) reject(this.#error ?? translated(error));
        else resolve(length);
      });
    });
  }

  async closeWrite(): Promise<void> {
    if (this.#isFreed) throw freedError();
    this.#beginWrite();
    await new Promise<void>((resolve) => this.#socket.end(resolve));
    this.#endWrite();
    if (this.#error !== undefined) throw this.#error;
  }

  close(): void {
    this.#free();
    this.#socket.destroy();
  }

  // The runtime's own `unref` is for writes, too.
  holdProgram(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (isHeld) this.#socket.ref();
    else if (this.#writes === 0) this.#socket.unref();
  }

  #beginWrite(): void {
    if (this.#writes++ === 0 && !this.#isHeld) this.#socket.ref();
  }

  #endWrite(): void {
    if (--this.#writes === 0 && !this.#isHeld) this.#socket.unref();
  }

  setNoDelay(on: boolean): void {
    this.#socket.setNoDelay(on);
  }

  #free(): void {
    if (this.#isFreed) throw freedError();
    this.#isFreed = true;
    this.#wake?.();
  }
}

function addressOf(hostname = "", port = 0): NetworkAddress {
  return { transport: "tcp", hostname, port };
}

/** What Deno's own sockets would throw. */
export function translated(error: Error & { code?: string }): Error {
  const known = ERRORS[error.code ?? ""];
  return known === undefined ? error : new known(error.message);
}
