// Does one handshake, in memory, with the certificate and key that a listener is to use. Both may be right and belong
// together, and still the engine cannot use the key. It says so only to each client that connects, when it is too late
// to choose another.

import { connect, Server } from "node:tls";
import { Duplex } from "node:stream";
import { GenericError, reasonOf } from "../base/errors.ts";
import { bare } from "../base/options.ts";
import { type Identity, loadIdentity, unusable } from "./credentials.ts";
import type { CertificateConfig } from "./secure_socket_config.ts";

/** How long node:tls keeps what belongs to a failed handshake, and how long a handshake may take. */
const LONGEST_HANDSHAKE_IN_MILLIS = 5_000;
/** Errors of the engine about keys and certificates; the second one is for curves that it does not know. */
const OF_KEYS = /SSL routines|unsupported protocol|\bkey\b|certificate/i;

/**
 * Reads a certificate and its key, as `loadIdentity` does, and tries them.
 *
 * @throws {GenericError} `"handshake"`, or `"denied"`: says which file or option cannot be used, and why.
 */
export async function loadTriedIdentity(config: CertificateConfig, at: string): Promise<Identity> {
  const identity = await loadIdentity(config, at);
  const failure = await tryIdentity(identity);
  if (failure === undefined) return identity;
  throw unusableKey(identity, failure) ?? new GenericError(
    "handshake",
    `Cannot try ${identity.keyName} with its certificate: ${reasonOf(failure)}`,
    { cause: failure },
  );
}

/** The error for a key that the engine cannot use; `undefined` if a trial has failed for another reason. */
export function unusableKey(
  { keyName, kind }: Identity,
  failure: unknown,
): GenericError | undefined {
  const reason = reasonOf(failure);
  if (!OF_KEYS.test(reason)) return undefined;
  return unusable(
    keyName,
    `is a key that the TLS engine cannot use with its certificate (${kind}: ${reason}), ` +
      "take one of RSA from 2048 bits, P-256, P-384 or Ed25519",
    failure,
  );
}

/**
 * Tries whether the engine can shake hands with a certificate and its key.
 *
 * @param identity Both.
 * @returns What the engine has reported or thrown if it cannot; `undefined` if it can.
 */
export async function tryIdentity(identity: Identity): Promise<unknown> {
  const [near, far] = memoryPair();
  const { promise, resolve } = Promise.withResolvers<unknown>();
  try {
    const server = new Server(bare({
      cert: identity.cert,
      key: identity.key,
      handshakeTimeout: LONGEST_HANDSHAKE_IN_MILLIS,
    }));
    server.on("secureConnection", (socket) => socket.on("error", () => {}));
    // A client that refuses the certificate has received all of it: its trust is not what is tried.
    server.on("tlsClientError", (error) => {
      resolve(/received fatal alert/.test(reasonOf(error)) ? undefined : error);
    });
    server.emit("connection", far);
    const client = connect(
      bare({ socket: near, rejectUnauthorized: false, minVersion: "TLSv1.3" }),
    );
    client.on("secureConnect", () => resolve(undefined));
    client.on("error", () => {});
    return await promise;
  } catch (error) {
    return error;
  } finally {
    near.destroy();
    far.destroy();
  }
}

/** Two streams, each of which reads what is written to the other. */
function memoryPair(): [near: Duplex, far: Duplex] {
  const make = (peer: () => Duplex) =>
    new Duplex({
      read() {},
      write(bytes, _, done) {
        peer().push(bytes);
        done();
      },
      final(done) {
        peer().push(null);
        done();
      },
    });
  const near: Duplex = make(() => far);
  const far: Duplex = make(() => near);
  for (const end of [near, far]) end.on("error", () => {});
  return [near, far];
}
