// A new connection, made ready by its user: dialled, then logged in, within a time.

import { attempt, handlerError } from "../base/user_code.ts";
import { GenericError, ignore, isSocketError, type SocketError } from "../base/errors.ts";
import { Client } from "../connection/client.ts";
import type { AnyClientConfig } from "../connection/client_config.ts";
import { type Connection, coreOf } from "../connection/connection.ts";
import { withOptions } from "../base/options.ts";
import { waitFor } from "../network/deadline.ts";
import type { Clock } from "../network/network.ts";

/** The user's part of making a connection ready. */
export interface Preparation<T> {
  readonly clock: Clock;
  /** The name of the function, for messages. */
  readonly name: string;
  /** How long it may take. */
  readonly timeoutInMillis: number;
  /** Makes the connection ready. */
  readonly prepare: ((client: Client) => T | Promise<T>) | undefined;
}

/** Why a connection that nobody has ended with an error is over. */
export function endOf(client: Connection): SocketError {
  const core = coreOf(client);
  const how = core.endedBy === "local" ? "it was closed" : "the peer has closed it";
  return core.error ?? new GenericError("broken", `Connection ended: ${how}`);
}

/**
 * Calls a function of the user's for a connection, which must not end meanwhile.
 *
 * @throws {unknown} The signal's reason; else a `SocketError`: what it threw, or that it took too long.
 */
export function calledFor<T>(
  client: Client,
  preparation: Preparation<T>,
  signal: AbortSignal,
): Promise<T> {
  const { clock, name, timeoutInMillis, prepare } = preparation;
  const limits = {
    clock,
    timeoutInMillis,
    signal,
    timeoutError: () =>
      new GenericError("timed-out", `${name} has not settled within ${timeoutInMillis} ms`),
  };
  const call = () => attempt(() => prepare!(client)) as Promise<T>;
  const ended = () => coreOf(client).freed.then(() => Promise.reject(endOf(client)));
  return waitFor(limits, () => Promise.race([call(), ended()]), ignore).catch((thrown) => {
    throw signal.aborted || isSocketError(thrown) ? thrown : handlerError(name, thrown);
  });
}

/**
 * Dials, and has the user make the connection ready. Where that fails, nothing stays open.
 *
 * @throws {unknown} The signal's reason; else what went wrong.
 */
export async function dialPrepared<T>(
  config: AnyClientConfig,
  preparation: Preparation<T>,
  signal: AbortSignal,
): Promise<[client: Client, prepared: T | undefined]> {
  const client = await Client.connect(withOptions(config, { signal }) as AnyClientConfig);
  try {
    signal.throwIfAborted();
    if (preparation.prepare === undefined) return [client, undefined];
    const prepared = await calledFor(client, preparation, signal);
    if (!coreOf(client).isOpen) throw endOf(client);
    return [client, prepared];
  } catch (error) {
    client.abort(error);
    throw error;
  }
}
