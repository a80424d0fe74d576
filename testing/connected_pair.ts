// Two connections joined in memory.

import { checkObject } from "../src/base/arguments.ts";
import { Connection } from "../src/connection/connection.ts";
import type { ConnectionConfig } from "../src/connection/connection_config.ts";
import { connectedTransports, type ConnectedTransportsOptions } from "./connected_transports.ts";

/** How two joined connections behave. */
export interface ConnectedPairOptions extends ConnectionConfig, ConnectedTransportsOptions {}

/**
 * Two connections, each the other's peer: `const [a, b] = pair`. Both are closed at the end of an `await using`
 * block.
 */
export type ConnectedPair = [a: Connection, b: Connection] & AsyncDisposable;

/**
 * Joins two connections in memory: what is written to one is read from the other.
 *
 * @param options How both of them behave, and how much each direction holds.
 * @throws {TypeError | RangeError} An option is misspelled or wrong.
 * @example A function that reads a line, without a network
 * ```ts
 * import { connectedPair } from "socket/testing/mod.ts";
 *
 * await using pair = connectedPair();
 * const [a, b] = pair;
 * await a.write("hello");
 * const [bytes] = await b.read(5);
 * console.assert(new TextDecoder().decode(bytes) === "hello");
 * ```
 */
export function connectedPair(options?: ConnectedPairOptions): ConnectedPair;
export function connectedPair(options: ConnectedPairOptions = {}): ConnectedPair {
  const { capacity, canTry, ...others } = checkObject("options", options);
  const config = { overwriteLentBytes: true, ...others };
  const [left, right] = connectedTransports({
    ...(capacity === undefined ? {} : { capacity }),
    ...(canTry === undefined ? {} : { canTry }),
  });
  const pair: [Connection, Connection] = [
    new Connection(left, config),
    new Connection(right, config),
  ];
  return Object.assign(pair, {
    async [Symbol.asyncDispose]() {
      await Promise.all(pair.map((end) => end.close()));
    },
  });
}
