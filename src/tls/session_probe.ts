// Finds out whose session an engine would resume, without the client noticing.
//
// Decision record: once a server's engine has answered, the client regards the handshake as done, and keeps its session
// whatever comes afterwards. So the question must be put before: to a separate engine, whose answer goes nowhere. It
// costs a millisecond, and only if clients show certificates and one offers a session.

import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { Socket } from "node:net";
import type { X509Certificate } from "node:crypto";
import { withoutStacks } from "../base/errors.ts";
import { nextTurn } from "./next_turn.ts";
import { TlsWire } from "./tls_wire.ts";

/** A session that an engine would resume. */
export interface Resumed {
  /** The client's certificate, as shown when the session was begun. */
  readonly certificate: X509Certificate | undefined;
}

/** Asks an engine. */
export class SessionProbe {
  readonly #options: Readonly<Record<string, unknown>>;
  #context: SecureContext | undefined;

  /** @param options The options of the server. */
  constructor(options: Readonly<Record<string, unknown>>) {
    this.#options = options;
  }

  /** Which session a client's first message would resume, if any. */
  async ask(hello: Uint8Array): Promise<Resumed | undefined> {
    const { SNICallback } = this.#options;
    const wire = new TlsWire({ write: ({ length }) => Promise.resolve(length) });
    // What the server does not ask for is not asked of the client: only the session may make this fail.
    const socket = new TLSSocket(
      wire as unknown as Socket,
      {
        isServer: true,
        secureContext: this.#context ??= createSecureContext(this.#options),
        requestCert: true,
        rejectUnauthorized: false,
        ...(SNICallback === undefined ? {} : { SNICallback }),
      } as ConstructorParameters<typeof TLSSocket>[1],
    );
    socket.on("error", () => {});
    try {
      // The handshake begins a moment later.
      await nextTurn();
      withoutStacks(() => wire.feed(hello));
      if (!socket.isSessionReused()) return undefined;
      return { certificate: socket.getPeerX509Certificate() };
    } finally {
      socket.destroy();
      wire.destroy();
    }
  }
}
