// The sessions of a client's secure connections, kept to resume them: the next handshake is shorter.
//
// Decision record: an engine knows a session by little more than the name of the server, and one that was begun under
// other conditions must not be resumed: with other authorities, another name, another certificate of one's own, another
// oldest protocol. So each is kept under all of that. The checks of the server's certificate that are this library's
// own are made again when a session is resumed. They are kept by an object of the user's: who shares it shares them,
// and a server can tell that its clients do.

import { checkInteger } from "../base/arguments.ts";
import { optionNames, readOptions } from "../base/options.ts";

/** How many sessions are kept. */
export interface TlsSessionsConfig {
  /**
   * How many sessions are kept at most, from 1; the one that was used least recently goes first.
   *
   * @default {100}
   */
  readonly maxSessions?: number;
}

/** What sessions were good for. */
export interface TlsSessionsStats {
  /** How many are kept. */
  readonly kept: number;
  /** How many handshakes offered one. */
  readonly offered: number;
  /** How many handshakes resumed one. */
  readonly resumed: number;
}

const OPTIONS = optionNames<TlsSessionsConfig>({ maxSessions: true });

/** What a handshake does with sessions. */
export interface SessionShelf {
  /** The session to resume, where there is one. */
  offer(key: string): Uint8Array | undefined;
  /** Keeps one, in the place of the last one. */
  keep(key: string, session: Uint8Array): void;
  /** Counts one that was resumed. */
  countResumed(): void;
  /** Forgets one that did no good. */
  forget(key: string): void;
}

/** The inside of the sessions of a user. */
export let shelfOf: (sessions: TlsSessions) => SessionShelf;

/**
 * Keeps the sessions of secure connections, so that the next connection to the same server can resume one. Pass the same
 * object as `sessions` in the `secureSocket` of each connection. A session is only resumed with the same server name,
 * trusted certificates, own certificate and other options.
 *
 * Only what `node:tls` does can be resumed, and by Deno 2.9 only with the system's authorities and without a certificate
 * of the client's own. In all other cases each handshake is a full one.
 *
 * @example A client that connects again and again
 * ```ts ignore
 * import { Client, TlsSessions } from "socket/mod.ts";
 *
 * const secureSocket = { sessions: new TlsSessions(), exposePeerCertificate: true };
 * for (let i = 0; i < 3; i++) {
 *   await using client = await Client.connect({ host: "a.example", port: 443, secureSocket });
 * }
 * console.log(secureSocket.sessions.stats().resumed); // 2
 * ```
 */
export class TlsSessions {
  readonly #most: number;
  readonly #kept = new Map<string, Uint8Array>();
  #offered = 0;
  #resumed = 0;

  /**
   * Keeps none yet.
   *
   * @param config How many to keep.
   * @throws {TypeError | RangeError} An option is wrong.
   */
  constructor(config?: TlsSessionsConfig);
  constructor(config: TlsSessionsConfig = {}) {
    const { maxSessions = 100 } = readOptions("config", config, OPTIONS);
    this.#most = checkInteger("maxSessions", maxSessions, 1);
  }

  /** What they were good for so far. */
  stats(): TlsSessionsStats {
    return Object.freeze({
      kept: this.#kept.size,
      offered: this.#offered,
      resumed: this.#resumed,
    });
  }

  /** Forgets all sessions. */
  clear(): void {
    this.#kept.clear();
  }

  static {
    shelfOf = (sessions) => ({
      offer: (key) => {
        const session = sessions.#kept.get(key);
        if (session === undefined) return undefined;
        sessions.#keep(key, session);
        sessions.#offered++;
        return session;
      },
      keep: (key, session) => sessions.#keep(key, session),
      countResumed: () => void sessions.#resumed++,
      forget: (key) => void sessions.#kept.delete(key),
    });
  }

  #keep(key: string, session: Uint8Array): void {
    // The last one of a map is the one that was used last.
    this.#kept.delete(key);
    if (this.#kept.size >= this.#most) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(key, session);
  }
}
