// How a connection behaves: the options that Client, Listener and Connection share.

import {
  checkBoolean,
  checkChoice,
  checkInteger,
  checkInterval,
  checkObject,
} from "../base/arguments.ts";
import type { CoreLimits } from "./stream_core.ts";
import { type HeartbeatConfig, type HeartbeatSettings, readHeartbeat } from "./heartbeat.ts";
import type { Clock, Network } from "../network/network.ts";
import { denoNetwork, turnsOf } from "../network/deno/deno_network.ts";
import { optionNames, readOptions } from "../base/options.ts";
import type { Turns } from "../network/turns.ts";

/** How a connection behaves; every field has a default. */
export interface ConnectionConfig {
  /**
   * How long a read waits for the next byte, in milliseconds from 1, or `Infinity`. A read that times out loses nothing
   * and does not end the connection. You can also set it on each connection.
   *
   * @default {300_000}
   */
  readonly readTimeoutInMillis?: number;
  /**
   * How long the peer may take none of the written bytes, in milliseconds from 1, or `Infinity`. Then the connection
   * ends with `"timed-out"`, because its stream is cut.
   *
   * @default {300_000}
   */
  readonly writeTimeoutInMillis?: number;
  /**
   * How long no byte may be received or sent, in milliseconds. Then the connection ends with `"timed-out"`. You can
   * also set it on each connection. From 1, or `Infinity`.
   *
   * @default {Infinity}
   */
  readonly idleTimeoutInMillis?: number;
  /**
   * What counts for `idleTimeoutInMillis`: only bytes that are `"received"`, so that a peer that only gets bytes is
   * idle, or those of `"either"` direction. Bytes that nobody reads do not count as received.
   *
   * @default {"either"}
   */
  readonly idleBy?: "received" | "either";
  /** What is sent when this side has been quiet, and how long the peer may be quiet. */
  readonly heartbeat?: HeartbeatConfig;
  /**
   * How long `close` may take in total, in milliseconds. From 1, or `Infinity`.
   *
   * @default {5_000}
   */
  readonly closeTimeoutInMillis?: number;
  /**
   * How many written bytes may wait for a peer that does not take them. A write is accepted when nothing waits,
   * whatever its size, or when it fits; otherwise the connection ends with `"overflow"`. The same happens when more
   * than a thousand writes wait, and at least one for every 64 bytes of the limit. A list that `onBytes` returns is one
   * write, and so are a message and what `sendAll` sends. From 1.
   *
   * @default {16_777_216}
   */
  readonly maxQueuedBytes?: number;
  /**
   * How many bytes per second are read, an integer from 1, or `Infinity`. The rest waits in the system, whose buffer
   * slows the peer down. What was not used can be used later for at most a tenth of a second.
   *
   * @default {Infinity}
   */
  readonly maxBytesReadPerSecond?: number;
  /**
   * How many bytes per second are given to the system, an integer from 1, or `Infinity`. The rest waits, within
   * `maxQueuedBytes`; `close` waits for it no longer than `closeTimeoutInMillis`.
   *
   * @default {Infinity}
   */
  readonly maxBytesWrittenPerSecond?: number;
  /**
   * With a service: whether the connection stays open for writes after the peer has ended its direction.
   *
   * @default {false}
   */
  readonly allowHalfOpen?: boolean;
  /**
   * Whether lent bytes (those of `onBytes`, and of loops by `serve`) are overwritten when the loan ends. That shows
   * code that has kept them. It costs a little.
   *
   * @default {false}, {true} on the testing networks
   */
  readonly overwriteLentBytes?: boolean;
  /** The network below: Deno's by default, another one in tests. */
  readonly network?: Network;
}

/** The fields of a {@linkcode ConnectionConfig}. */
export const CONNECTION_OPTIONS = optionNames<ConnectionConfig>({
  readTimeoutInMillis: true,
  writeTimeoutInMillis: true,
  idleTimeoutInMillis: true,
  idleBy: true,
  heartbeat: true,
  closeTimeoutInMillis: true,
  maxQueuedBytes: true,
  maxBytesReadPerSecond: true,
  maxBytesWrittenPerSecond: true,
  allowHalfOpen: true,
  overwriteLentBytes: true,
  network: true,
});

/** The checked config of a connection; one for all connections of a listener. */
export class ConnectionSettings implements CoreLimits {
  readonly readTimeoutInMillis: number;
  readonly writeTimeoutInMillis: number;
  readonly idleTimeoutInMillis: number;
  readonly idleBy: "received" | "either";
  readonly heartbeat: HeartbeatSettings<Uint8Array | string> | undefined;
  readonly closeTimeoutInMillis: number;
  readonly maxQueuedBytes: number;
  readonly maxBytesReadPerSecond: number;
  readonly maxBytesWrittenPerSecond: number;
  readonly allowHalfOpen: boolean;
  readonly overwriteLentBytes: boolean;
  readonly clock: Clock;
  readonly turns: Turns;

  /** Checks the fields of a config and fills in the defaults. */
  constructor(config: ConnectionConfig) {
    const {
      readTimeoutInMillis = 300_000,
      writeTimeoutInMillis = 300_000,
      idleTimeoutInMillis = Infinity,
      idleBy = "either",
      heartbeat,
      closeTimeoutInMillis = 5_000,
      maxQueuedBytes = 16 * 1024 * 1024,
      maxBytesReadPerSecond = Infinity,
      maxBytesWrittenPerSecond = Infinity,
      allowHalfOpen = false,
      network = denoNetwork,
      overwriteLentBytes,
    } = config;
    const { clock, overwritesLentBytes = false } = checkObject("network", network);
    this.readTimeoutInMillis = checkInterval("readTimeoutInMillis", readTimeoutInMillis);
    this.writeTimeoutInMillis = checkInterval("writeTimeoutInMillis", writeTimeoutInMillis);
    this.idleTimeoutInMillis = checkInterval("idleTimeoutInMillis", idleTimeoutInMillis);
    this.idleBy = checkChoice("idleBy", idleBy, ["received", "either"]);
    this.heartbeat = heartbeat === undefined ? undefined : readHeartbeat(heartbeat);
    this.closeTimeoutInMillis = checkInterval("closeTimeoutInMillis", closeTimeoutInMillis);
    this.maxQueuedBytes = checkInteger("maxQueuedBytes", maxQueuedBytes, 1);
    this.maxBytesReadPerSecond = checkRate("maxBytesReadPerSecond", maxBytesReadPerSecond);
    this.maxBytesWrittenPerSecond = checkRate("maxBytesWrittenPerSecond", maxBytesWrittenPerSecond);
    this.allowHalfOpen = checkBoolean("allowHalfOpen", allowHalfOpen);
    this.overwriteLentBytes = checkBoolean(
      "overwriteLentBytes",
      overwriteLentBytes === undefined ? overwritesLentBytes : overwriteLentBytes,
    );
    this.clock = clock;
    this.turns = turnsOf(network);
  }
}

function checkRate(name: string, value: number): number {
  if (value === Infinity) return Infinity;
  return checkInteger(name, value, 1, Number.MAX_SAFE_INTEGER, " or Infinity");
}

/**
 * Reads and checks a config, once for all its connections.
 *
 * @param config The config of a user, or one that was checked already.
 */
export function resolveConnectionConfig(
  config: ConnectionConfig | ConnectionSettings,
): ConnectionSettings {
  if (config instanceof ConnectionSettings) return config;
  return new ConnectionSettings(readOptions("config", config, CONNECTION_OPTIONS));
}
