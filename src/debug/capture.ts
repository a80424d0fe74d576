// Writes what goes through a network to a file that Wireshark reads.

import { checkFunction, checkInteger, checkMethods } from "../base/arguments.ts";
import type { SocketError } from "../base/errors.ts";
import { optionNames, readOptions } from "../base/options.ts";
import type { Network } from "../network/network.ts";
import { resolveTarget } from "./capture_file.ts";
import { CaptureQueue } from "./capture_queue.ts";
import { PacketLog } from "./packet_log.ts";
import { PacketTap } from "./packet_tap.ts";
import { fileHead } from "./pcapng.ts";
import { tappedNetwork } from "./tapped_network.ts";
import { resolveFilter, type TrafficFilter } from "./traffic_filter.ts";

/** What a capture writes, and where. */
export interface CaptureConfig {
  /**
   * The path or URL of the file, which is made or overwritten and which only its owner can read; or a stream, which the
   * capture locks. A file that is there already also needs the permission to read it.
   */
  readonly to: string | URL | WritableStream<Uint8Array<ArrayBuffer>>;
  /** Which traffic is captured: all of it where left out. */
  readonly only?: TrafficFilter;
  /**
   * How large the file gets at most, in bytes, from 1024. What comes later is dropped and counted.
   *
   * @default 67108864
   */
  readonly maxBytes?: number;
  /**
   * How much may wait for the file, in bytes, from 1024. What comes while so much waits is dropped and counted.
   *
   * @default 8388608
   */
  readonly maxQueuedBytes?: number;
  /**
   * How much of each packet is kept, in bytes from 64 to 65535; its headers take 64 at most.
   *
   * @default 65535
   */
  readonly snapLength?: number;
  /**
   * Told once, when the file cannot be written: with the code `"denied"` or `"unreachable"` where it could not be
   * opened, with `"broken"` later. The program goes on, and what comes later is dropped and counted. Left out, it is
   * printed with `console.error`.
   */
  readonly onError?: (error: SocketError) => unknown;
}

/** What a capture has done so far. */
export interface CaptureStats {
  /** How many packets were taken. */
  readonly packets: number;
  /** How many packets were dropped: too much waited, the file was large enough, or it cannot be written. */
  readonly droppedPackets: number;
  /** How many bytes were written. */
  readonly bytes: number;
  /** How many bytes wait to be written. */
  readonly queuedBytes: number;
  /** Whether the file has reached `maxBytes`. */
  readonly isFull: boolean;
  /** Why nothing more is written. */
  readonly error: SocketError | undefined;
}

/** A network whose traffic is captured. */
export interface CapturedNetwork extends Network, AsyncDisposable {
  /** What was captured so far. */
  stats(): CaptureStats;
  /**
   * Ends the capture: writes what waits and closes the file or stream. The network can be used on. Never rejects; a
   * stream that takes nothing keeps it waiting.
   */
  close(): Promise<void>;
}

const CONFIG = optionNames<CaptureConfig>({
  to: true,
  "only": true,
  maxBytes: true,
  maxQueuedBytes: true,
  snapLength: true,
  onError: true,
});

/**
 * Captures what goes through a network: a file in the format pcapng, which tcpdump, tshark and Wireshark read.
 *
 * **The file holds secrets in the clear.** What TLS carries is in it as the program sends and reads it: passwords,
 * tokens, the data of your users. Only the owner of the file can read it; treat it like a key.
 *
 * The bytes are what was really sent and read. The packets around them are made up: a handshake, right numbers and
 * checksums, an end. A connection never waits for the file.
 *
 * @param network The network to stand on, such as `denoNetwork`.
 * @param config What is captured, and where to.
 * @returns The network to pass to listeners and clients, as `network`.
 * @throws {TypeError | RangeError} An option is wrong.
 *
 * @example
 * ```ts
 * import { Client, denoNetwork, Listener } from "socket/mod.ts";
 * import { captured } from "socket/debug.ts";
 *
 * await using network = captured(denoNetwork, { to: await Deno.makeTempFile() });
 * await using listener = new Listener(0, { interface: "127.0.0.1", network });
 * listener.attach({ onBytes: (_caller, bytes) => bytes });
 * await listener.start();
 * await using client = await Client.connect({ host: "127.0.0.1", port: listener.port });
 * await client.write("hello");
 * await client.read();
 * ```
 */
export function captured(network: Network, config: CaptureConfig): CapturedNetwork {
  checkMethods("network", network, "connect", "listen", "listenDatagram");
  const {
    to,
    only,
    maxBytes = 64 * 1024 * 1024,
    maxQueuedBytes = 8 * 1024 * 1024,
    snapLength = 65_535,
    onError,
  } = readOptions<CaptureConfig>("config", config, CONFIG);
  const isWanted = resolveFilter(only);
  const settings = {
    maxBytes: checkInteger("maxBytes", maxBytes, 1024),
    maxQueuedBytes: checkInteger("maxQueuedBytes", maxQueuedBytes, 1024),
    onError: checkFunction("onError", onError),
  };
  const kept = checkInteger("snapLength", snapLength, 64, 65_535);
  // Last: from here on nothing throws, and a stream is locked.
  const open = resolveTarget(to);
  const { clock } = network;
  const queue = new CaptureQueue({ clock, open, head: fileHead(kept), ...settings });
  const log = new PacketLog(queue, clock, kept);
  return {
    ...tappedNetwork(network, new PacketTap(log, isWanted)),
    stats: () =>
      Object.freeze({
        packets: log.packets,
        droppedPackets: log.dropped,
        bytes: queue.bytes,
        queuedBytes: queue.queuedBytes,
        isFull: queue.isFull,
        error: queue.error,
      }),
    close: () => queue.close(),
    [Symbol.asyncDispose]: () => queue.close(),
  };
}
