// Reads what a proxy answers, with a limit, and nothing that comes behind it where the length is known before: then the
// stream needs no layer, and stays one of the runtime's own.

import { GenericError, reasonOf, type SocketError, type SocketErrorCode } from "../base/errors.ts";
import { shown } from "../base/arguments.ts";
import { checkRead } from "../network/counts.ts";
import { latin1Of } from "../bytes/latin1.ts";
import type { Transport } from "../network/network.ts";

/** Why a proxy does not lead to where it should. */
export class ProxyFailure extends Error {
  /** The code of the error that the user gets. */
  readonly code: SocketErrorCode;

  /** @param code The code. @param message What the proxy does: "has refused it". @param options May hold the `cause`. */
  constructor(code: SocketErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** The error for the user. */
  told(action: string, proxy: string): GenericError {
    const options = this.cause === undefined ? {} : { cause: this.cause };
    const message = `${action}: the proxy ${proxy} ${this.message}`;
    const error = new GenericError(this.code, message, options);
    ofProxies.add(error);
    return error;
  }
}

const ofProxies = new WeakSet<SocketError>();

/** Whether an error says what a proxy does: then it is not this program that lacks a permission. */
export function isOfProxy(error: SocketError): boolean {
  return ofProxies.has(error);
}

/** A proxy that speaks something else. */
export function nonsense(protocol: string, said: Uint8Array): ProxyFailure {
  const words = quoted(latin1Of(said.subarray(0, 40)));
  return new ProxyFailure("unreachable", `does not speak ${protocol}: it says ${words}`);
}

/** Words of a stranger, fit for a line of a log. */
export function quoted(text: string): string {
  return shown(text.replaceAll(/[^\x20-\x7e]/g, "?"));
}

/** What comes from a proxy. */
export class ProxyAnswer {
  readonly #transport: Pick<Transport, "read">;
  readonly #most: number;
  #length = 0;
  #unread = new Uint8Array(0);

  /** @param transport The stream. @param most How many bytes the answer may have. */
  constructor(transport: Pick<Transport, "read">, most: number) {
    this.#transport = transport;
    this.#most = most;
  }

  /** What was read behind the answer. */
  get rest(): Uint8Array {
    return this.#unread;
  }

  /** Waits for so many bytes, and reads no more. */
  async exactly(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) at += await this.#read(bytes.subarray(at));
    return bytes;
  }

  /**
   * Waits for a line, and may read more. Its end is left out.
   *
   * @throws {ProxyFailure} The answer is longer than it may be.
   */
  async line(): Promise<Uint8Array> {
    for (let searched = 0;;) {
      const end = this.#unread.indexOf(0x0a, searched);
      if (end >= 0) {
        const line = this.#unread.subarray(0, end);
        this.#unread = this.#unread.subarray(end + 1);
        this.#length += end + 1;
        return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
      }
      searched = this.#unread.length;
      // With one byte more than it may be, it is known to be too long.
      const room = this.#most + 1 - this.#length - searched;
      if (room <= 0) {
        throw new ProxyFailure("unreachable", `answers with more than ${this.#most} bytes`);
      }
      const grown = new Uint8Array(searched + Math.min(room, 1024));
      grown.set(this.#unread);
      const count = await this.#read(grown.subarray(searched));
      this.#unread = grown.subarray(0, searched + count);
    }
  }

  async #read(into: Uint8Array): Promise<number> {
    let count: number | null;
    try {
      count = checkRead(await this.#transport.read(into), into.length);
    } catch (cause) {
      throw new ProxyFailure("unreachable", `has cut the connection: ${reasonOf(cause)}`, {
        cause,
      });
    }
    if (count === null) {
      throw new ProxyFailure("unreachable", "has ended the connection instead of an answer");
    }
    return count;
  }
}
