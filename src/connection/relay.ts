// Two connections as one way, as users ask for it: what is passed on, when it ends, and what was wrong with the
// question. How it goes is in relaying.ts and direction.ts.

import { checkInterval, checkLimit, checkSignal, shown } from "../base/arguments.ts";
import { GenericError } from "../base/errors.ts";
import { optionNames, readOptions } from "../base/options.ts";
import { Connection, coreOf } from "./connection.ts";
import type { ConnectionEnd } from "./connection_end.ts";
import { Relaying, type RelaySettings } from "./relaying.ts";
import type { StreamCore } from "./stream_core.ts";

/** When a relay ends, besides when both directions have. Without any of these it goes on for as long as they do. */
export interface RelayOptions {
  /**
   * How long no byte may pass in either direction, from 1 to 2_147_483_647, or `Infinity`. Then it ends with
   * `"timed-out"`.
   *
   * @default {Infinity}
   */
  readonly idleTimeoutInMillis?: number;
  /**
   * How long no byte may pass once one direction has ended, where that is less. Then it ends with `"timed-out"`.
   *
   * @default {Infinity}
   */
  readonly halfOpenTimeoutInMillis?: number;
  /**
   * How long it may last. Then it ends with `"timed-out"`.
   *
   * @default {Infinity}
   */
  readonly maxDurationInMillis?: number;
  /**
   * How many bytes may pass, both directions together. Where more come, it ends with `"limit"`.
   *
   * @default {Infinity}
   */
  readonly maxBytes?: number;
  /** Ends it with `"aborted"`, of which the signal's reason is the cause. */
  readonly signal?: AbortSignal;
}

/** What a relay has done. */
export interface RelayReport {
  /** How many bytes of the first connection the system has taken for the second one. */
  readonly there: number;
  /** How many bytes of the second connection the system has taken for the first one. */
  readonly back: number;
  /**
   * How it has ended: `"peer"` where both directions have ended, `"error"` where a connection failed or an option
   * ended it, `"stop"` where the listener of one of them was stopped, `"local"` where you closed or aborted one, or
   * by the signal.
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
 * Passes on what two connections send, each to the other, at the pace of the slower one. What was read into a
 * connection and not taken goes first. Where a peer ends what it sends, the other one gets that end, and the way back
 * stays open until it has ended, too.
 *
 * When it resolves, both connections are closed: politely where they have ended or one was closed, and aborted where
 * one has failed or an option ended it. Both may be of any kind, and neither may be read by anybody else meanwhile:
 * write what goes first before you call this, as a line that announces the caller.
 *
 * Timeouts of the connections go on, but for `readTimeoutInMillis`. A listener's stop lets it go on while something
 * may be under way: what the listener's connection sent was not answered, it has ended and the other one has not, or
 * bytes have passed in the last quarter of a second. Whether an answer that rests for longer is complete, nobody can
 * know.
 *
 * @param a One connection.
 * @param b The other one.
 * @param options When else it ends.
 * @returns What has passed, and how it has ended; also where the network or a limit has ended it.
 * @throws {TypeError | RangeError} One is no connection, both are the same, or an option is wrong.
 * @throws {GenericError} `"busy"`: somebody reads one of them, or it is being relayed.
 *
 * @example A proxy
 * ```ts
 * import { Client, Listener, relay, type RelayReport } from "https://deno.land/x/socket@v0.1.0/mod.ts";
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
export async function relay(
  a: Connection,
  b: Connection,
  options: RelayOptions = {},
): Promise<RelayReport> {
  checkConnection("a", a);
  checkConnection("b", b);
  if (a === b) throw new TypeError("a and b must be two connections: got the same one twice");
  const read = readOptions("options", options, OPTIONS);
  const settings: RelaySettings = {
    idle: checkInterval("idleTimeoutInMillis", read.idleTimeoutInMillis ?? Infinity),
    halfOpen: checkInterval("halfOpenTimeoutInMillis", read.halfOpenTimeoutInMillis ?? Infinity),
    duration: checkInterval("maxDurationInMillis", read.maxDurationInMillis ?? Infinity),
    bytes: checkLimit("maxBytes", read.maxBytes ?? Infinity),
    signal: read.signal === undefined ? undefined : checkSignal(read.signal),
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

/** Those that are being relayed. */
const relayed = new WeakSet<StreamCore>();

/** Takes both, or none. */
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
