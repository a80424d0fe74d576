// What a listener reports to its user while it runs: the one place where events are made and reported.

import { hostOf, type NetworkAddress, portOf } from "../base/address.ts";
import type { SocketError } from "../base/errors.ts";
import { tell } from "../base/user_code.ts";
import type { RejectReason } from "./guard/rejection.ts";

/**
 * Something that has happened at a listener; its `kind` says what. More kinds may be added: ignore those that you do
 * not know.
 */
export type ListenerEvent =
  /** A connection was refused, or ended by a limit. */
  | {
    readonly kind: "refused";
    /** Why; `"handshake"`: the connection could not be made secure. */
    readonly reason: RejectReason | "handshake";
    /** The client's address; the proxy's own while its header has not arrived. */
    readonly remoteAddress: string;
    /** The client's port; the proxy's own while its header has not arrived. */
    readonly remotePort: number;
    /** What went wrong, for `"handshake"` and `"proxy-header"` (a {@linkcode ProxyHeaderError}). */
    readonly error?: SocketError;
  }
  /** The files of the certificates have changed, and were read again. */
  | {
    readonly kind: "reloaded";
    /** Why they cannot be used: the old certificates stay. Without it the new ones are in place. */
    readonly error?: SocketError;
  };

/** Reports what happens at one listener. Without a callback nothing is made. */
export class ListenerEvents {
  readonly #onEvent: ((event: ListenerEvent) => void) | undefined;

  /** @param onEvent The user's callback, if any. */
  constructor(onEvent: ((event: ListenerEvent) => void) | undefined) {
    this.#onEvent = onEvent;
  }

  /** A connection was refused, or ended by a limit. */
  refused(reason: RejectReason | "handshake", peer: NetworkAddress, error?: SocketError): void {
    if (this.#onEvent === undefined) return;
    const [remoteAddress, remotePort] = [hostOf(peer), portOf(peer)];
    tell(this.#onEvent, {
      kind: "refused",
      reason,
      remoteAddress,
      remotePort,
      ...withError(error),
    });
  }

  /** Certificates were read again. */
  reloaded(error?: SocketError): void {
    if (this.#onEvent !== undefined) tell(this.#onEvent, { kind: "reloaded", ...withError(error) });
  }
}

function withError(error: SocketError | undefined): { readonly error?: SocketError } {
  return error === undefined ? {} : { error };
}
