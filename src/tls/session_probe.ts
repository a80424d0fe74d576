// Finds out whose session an engine would go on with, without anybody noticing.
//
// Decision record: once a server's engine has answered, the client takes the handshake for made, and keeps its
// session whatever comes afterwards. So the question must be put before: to an engine of its own, whose answer goes
// nowhere. It costs a millisecond, and only where clients show certificates and one offers a session.

import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { Socket } from "node:net";
import type { X509Certificate } from "node:crypto";
import { nextTurn } from "./next_turn.ts";
import { TlsWire } from "./tls_wire.ts";

/** A session that an engine would go on with. */
export interface Resumed {
  /** The client's, as it was shown when the session was begun. */
  readonly certificate: X509Certificate | undefined;
}

/** Asks an engine. */
export class SessionProbe {
  readonly #options: Readonly<Record<string, unknown>>;
  #context: SecureContext | undefined;

  /** @param options Those of the server. */
  constructor(options: Readonly<Record<string, unknown>>) {
    this.#options = options;
  }

  /** Which session a client's first message would resume, if any. */
  async ask(hello: Uint8Array): Promise<Resumed | undefined> {
    const { SNICallback } = this.#options;
    const wire = new TlsWire({ write: ({ length }) => Promise.resolve(length) });
    // What it does not say is not asked of the client: nothing here may fail but the session.
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
      // It begins in a moment.
      await nextTurn();
      wire.feed(hello);
      if (!socket.isSessionReused()) return undefined;
      return { certificate: socket.getPeerX509Certificate() };
    } finally {
      socket.destroy();
      wire.destroy();
    }
  }
}
