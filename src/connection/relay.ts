// A relay between two connections, as users ask for it: its options, its report, and what is wrong with a call. How it
// works is in relaying.ts and direction.ts.

import { checkInterval, checkLimit, checkSignal, shown } from "../base/arguments.ts";
import { GenericError } from "../base/errors.ts";
import { optionNames, readOptions } from "../base/options.ts";
import { Connection, coreOf } from "./connection.ts";
import type { ConnectionEnd } from "./connection_end.ts";
import { Relaying, type RelaySettings } from "./relaying.ts";
import type { StreamCore } from "./stream_core.ts";

/** When a relay ends, besides the end of both directions. Without any of these it goes on until both have ended. */
export interface RelayOptions {
  /**
   * How long no byte may pass in either direction, from 1 to 2_147_483_647, or `Infinity`. Then it ends with
   * `"timed-out"`. Time for which the pace of one of the two connections holds bytes back does not count.
   *
   * @default {Infinity}
   */
  readonly idleTimeoutInMillis?: number;
  /**
   * How long no byte may pass once one direction has ended, if that is less. Then it ends with `"timed-out"`. In
   * milliseconds, from 1, or `Infinity`.
   *
   * @default {Infinity}
   */
  readonly halfOpenTimeoutInMillis?: number;
  /**
   * How long the relay may last. Then it ends with `"timed-out"`. In milliseconds, from 1, or `Infinity`.
   *
   * @default {Infinity}
   */
  readonly maxDurationInMillis?: number;
  /**
   * How many bytes may pass, in both directions together. If more arrive, the relay ends with `"limit"`. From 1, or
   * `Infinity`.
   *
   * @default {Infinity}
   */
  readonly maxBytes?: number;
  /** Ends the relay with `"aborted"`; the signal's reason is the cause. */
  readonly signal?: AbortSignal;
}

/** What a relay has done. */
export interface RelayReport {
  /** How many bytes of the first connection the system has taken for the second one. */
  readonly there: number;
  /** How many bytes of the second connection the system has taken for the first one. */
  readonly back: number;
  /**
   * How it has ended: `"peer"` if both directions have ended, `"error"` if a connection failed or an option ended it,
   * `"stop"` if the listener of one of them was stopped, `"local"` if you closed or aborted one, or for the signal.
   */
  readonly end: ConnectionEnd;
}

const OPTIONS = optionNames<RelayOptions>({
  idleTimeoutInMillis: true,
  halfOpenTimeoutInMillis: true,
  maxDurationInMillis: true,
  maxBytes: true,
  signal: true,
});

/**
 * Passes on what two connections send, each to the other, at the pace of the slower one. Bytes that a connection has
 * received and nobody has read go first. When a peer ends what it sends, the other one gets that end, and the way back
 * stays open until it has ended, too.
 *
 * When it resolves, both connections are closed: politely if they have ended or one was closed, aborted if one has
 * failed or an option ended the relay. Both may be of any kind, and nothing else may read either of them during the
 * relay. If something must go first, such as a line that announces the caller, write it before you call this.
 *
 * Timeouts of the connections still apply, except `readTimeoutInMillis`. A listener's stop lets the relay go on while
 * something may be under way: what the listener's connection sent was not answered, that connection has ended and the
 * other one has not, or bytes have passed in the last quarter of a second, which is counted from the moment in which
 * the stop asks. Nobody can know whether an answer that pauses for longer is complete.
 *
 * @param a One connection.
 * @param b The other one.
 * @param options When else the relay ends.
 * @returns What has passed, and how the relay has ended, also if the network or a limit has ended it.
 * @throws {TypeError | RangeError} One is not a connection, both are the same, or an option is wrong.
 * @throws {GenericError} `"busy"`: one of them is being read, or is in another relay.
 *
 * @example A proxy
 * ```ts
 * import { Client, Listener, relay, type RelayReport } from "socket/mod.ts";
 *
 * await using target = new Listener(0, { interface: "127.0.0.1" });
 * target.attach({ onBytes: (_caller, bytes) => bytes });
 * await target.start();
 *
 * await using proxy = new Listener(0, { interface: "127.0.0.1" });
 * let report: RelayReport | undefined;
 * await proxy.serve(async (caller) => {
 *   const onwards = await Client.connect({ host: "127.0.0.1", port: target.port });
 *   report = await relay(caller, onwards, { idleTimeoutInMillis: 3_600_000 });
 * });
 *
 * await using client = await Client.connect({ host: "127.0.0.1", port: proxy.port });
 * await client.write("Hello");
 * await client.shutdownWrite();
 * console.log(new TextDecoder().decode((await client.read(6))[0])); // Hello
 * await proxy.gracefulStop();
 * console.log(report?.there, report?.back, report?.end.by); // 5 5 peer
 * ```
 */
export function relay(
  a: Connection,
  b: Connection,
  options?: RelayOptions,
): Promise<RelayReport>;
export async function relay(
  a: Connection,
  b: Connection,
  options: RelayOptions = {},
): Promise<RelayReport> {
  checkConnection("a", a);
  checkConnection("b", b);
  if (a === b) throw new TypeError("a and b must be two connections: got the same one twice");
  const {
    idleTimeoutInMillis = Infinity,
    halfOpenTimeoutInMillis = Infinity,
    maxDurationInMillis = Infinity,
    maxBytes = Infinity,
    signal,
  } = readOptions<RelayOptions>("options", options, OPTIONS);
  const settings: RelaySettings = {
    idle: checkInterval("idleTimeoutInMillis", idleTimeoutInMillis),
    halfOpen: checkInterval("halfOpenTimeoutInMillis", halfOpenTimeoutInMillis),
    duration: checkInterval("maxDurationInMillis", maxDurationInMillis),
    bytes: checkLimit("maxBytes", maxBytes),
    signal: signal === undefined ? undefined : checkSignal(signal),
  };
  const cores = claim(a, b);
  const relaying = new Relaying(...cores, settings);
  const end = await relaying.run();
  for (const core of cores) relayed.delete(core);
  return Object.freeze({ there: relaying.there.bytes, back: relaying.back.bytes, end });
}

function checkConnection(name: string, value: unknown): void {
  if (value instanceof Connection) return;
  const inner = (value as { connection?: unknown } | null | undefined)?.connection;
  const advice = inner instanceof Connection
    ? "; bytes are passed on and no messages: give the connection of what is framed"
    : "";
  throw new TypeError(`${name} must be a Connection: got ${shown(value)}${advice}`);
}

/** The connections that are in a relay. */
const relayed = new WeakSet<StreamCore>();

/** Takes both connections, or none. */
function claim(a: Connection, b: Connection): readonly [StreamCore, StreamCore] {
  const cores = [coreOf(a), coreOf(b)] as const;
  for (const core of cores) {
    if (relayed.has(core)) {
      throw new GenericError("busy", "Cannot relay: a connection is being relayed already");
    }
    core.reader.refuseSecond();
  }
  for (const core of cores) relayed.add(core);
  return cores;
}
