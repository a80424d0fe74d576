// What a secure connection leaves behind: nothing, however it ended.

import { assertEquals } from "@std/assert";
import type { Transport } from "../../src/network/network.ts";
import type { ClientSecureSocketConfig } from "../../src/tls/client_secure_socket_config.ts";
import type { ListenerSecureSocketConfig } from "../../src/tls/listener_secure_socket_config.ts";
import { connectedTransports } from "../../testing/mod.ts";
import { Authority } from "../support/certificates.ts";
import { stillHeld } from "../support/collected.ts";
import { clientSecurity, listenerSecurity } from "../support/secure_pair.ts";

const authority = await Authority.make("Tests");
const stranger = await Authority.make("Strangers");
const localhost = await authority.sign();
const member = await authority.sign({ name: "member" });
const caCerts = [authority.cert];
const required = { ...localhost, caCerts, clientAuth: "require" } as const;
const named = { ...localhost, sni: { "other.example": await authority.sign() } };
/** By node:tls alone, the engine that leaked. */
const trusting = { caCerts, trustSystemCerts: false };
const HALF_A_HELLO = new Uint8Array([22, 3, 1, 1, 0, 1]);
/** How many handshakes of each kind. */
const TIMES = 3;

type Ends = readonly [near: Transport, far: Transport];

function settled(...waits: Promise<unknown>[]): Promise<PromiseSettledResult<unknown>[]> {
  return Promise.allSettled(waits);
}

/** Begins the listener's side, has the client's side do something, and waits for the end. */
function serving(options: ListenerSecureSocketConfig, act: (near: Transport) => unknown) {
  return async () => {
    const security = await listenerSecurity(options);
    return async ([near, far]: Ends) => {
      const upgrading = security.upgrade(far);
      await Promise.all([settled(upgrading), act(near)]);
      near.close();
    };
  };
}

/** The same the other way round. */
function calling(
  options: ClientSecureSocketConfig,
  act: (far: Transport, giveUp: AbortController) => unknown,
) {
  return async () => {
    const security = await clientSecurity(options);
    return async ([near, far]: Ends) => {
      const giveUp = new AbortController();
      await Promise.all([
        settled(security.secure(near, giveUp.signal)),
        act(far, giveUp),
      ]);
      far.close();
    };
  };
}

/** Has both sides shake hands, and both learn how it ended. */
function meeting(
  of: ListenerSecureSocketConfig,
  by: ClientSecureSocketConfig,
  end = (transport: Transport) => transport.close(),
) {
  return async () => {
    const [listener, dialler] = [await listenerSecurity(of), await clientSecurity(by)];
    return async ([near, far]: Ends) => {
      const results = await settled(dialler.secure(near), listener.upgrade(far));
      const ends = results.flatMap((it) =>
        it.status === "fulfilled" ? [it.value as Transport] : []
      );
      // With TLS 1.3 a client has finished before it is refused.
      if (ends.length === 1) await settled(ends[0]!.read(new Uint8Array(1)));
      for (const it of ends) end(it);
    };
  };
}

const KINDS: Record<string, () => Promise<(ends: Ends) => Promise<void>>> = {
  "a client that speaks no TLS": serving(
    localhost,
    (near) => near.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n")),
  ),
  "a client that leaves at once": serving(localhost, (near) => near.closeWrite()),
  "a client that leaves in the middle": serving(localhost, async (near) => {
    await near.write(HALF_A_HELLO);
    await near.closeWrite();
  }),
  "a client that says nothing for too long": serving(
    { ...localhost, handshakeTimeoutInMillis: 5 },
    () => {},
  ),
  "a client that stops in the middle": serving(
    { ...localhost, handshakeTimeoutInMillis: 5 },
    (near) => near.write(HALF_A_HELLO),
  ),
  "a client without the certificate that is required": meeting(required, trusting),
  "a client with a certificate of a stranger": meeting(required, {
    ...trusting,
    ...await stranger.sign(),
  }),
  "a client that refuses the certificate": meeting(localhost, {
    ...trusting,
    caCerts: [stranger.cert],
  }),
  "a client that refuses the name": meeting(named, { ...trusting, serverName: "no.example" }),
  "nothing in common": meeting(
    { ...localhost, alpnProtocols: ["a"] },
    { ...trusting, alpnProtocols: ["b"] },
  ),
  "a server that speaks no TLS": calling(
    trusting,
    (far) => far.write(new TextEncoder().encode("220 hello\r\n")),
  ),
  "a server that leaves": calling(trusting, (far) => far.closeWrite()),
  "a server that says nothing for too long": calling(
    { ...trusting, handshakeTimeoutInMillis: 5 },
    () => {},
  ),
  "a client that gives up": calling(trusting, async (far, giveUp) => {
    await far.read(new Uint8Array(1));
    giveUp.abort();
  }),
  "a connection that was closed": meeting(localhost, trusting),
  "a connection that was reset": meeting(named, trusting, (transport) => transport.reset!()),
  "a connection with certificates on both sides": meeting(required, { ...trusting, ...member }),
};

for (const [kind, prepare] of Object.entries(KINDS)) {
  Deno.test(`A secure connection keeps nothing after ${kind}`, async () => {
    const play = await prepare();
    const refs: WeakRef<object>[] = [];
    for (let time = 0; time < TIMES; time++) {
      // In a function of its own: locals of a running one stay alive.
      await (async () => {
        const ends = connectedTransports();
        for (const end of ends) refs.push(new WeakRef(end));
        await play(ends);
      })();
    }
    assertEquals(await stillHeld(refs), 0);
  });
}
