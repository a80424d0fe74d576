// Prints what goes through a network, for a terminal.

import { formatAddress, formatPath, hostOf, type NetworkAddress, portOf } from "../base/address.ts";
import { checkFunction, checkInteger, checkMethods } from "../base/arguments.ts";
import { optionNames, readOptions } from "../base/options.ts";
import { printable } from "../base/printable.ts";
import { tell } from "../base/user_code.ts";
import type { Network } from "../network/network.ts";
import { hexDump } from "./hex_dump.ts";
import type { DatagramTap, StreamTap, Tap, TrafficEnds } from "./tap.ts";
import { tappedNetwork } from "./tapped_network.ts";
import { resolveFilter, type TrafficFilter } from "./traffic_filter.ts";

/** What is printed, and how. */
export interface PrintConfig {
  /** Which traffic is printed: all of it where left out. */
  readonly only?: TrafficFilter;
  /**
   * How many bytes of each read and write are shown at most. From 0.
   *
   * @default 256
   */
  readonly maxBytes?: number;
  /** Gets each text, of one line or more and without a newline at the end. `console.log` where left out. */
  readonly print?: (text: string) => unknown;
}

const CONFIG = optionNames<PrintConfig>({ "only": true, maxBytes: true, print: true });

/**
 * Prints what goes through a network, each read and write with a hex dump.
 *
 * **It prints secrets in the clear**: what TLS carries, too. And it costs much more than a capture.
 *
 * @param network The network to stand on, such as `denoNetwork`.
 * @param config What is printed, and how.
 * @returns The network to pass to listeners and clients, as `network`.
 * @throws {TypeError | RangeError} An option is wrong.
 *
 * @example
 * ```ts
 * import { Client, denoNetwork, Listener } from "socket/mod.ts";
 * import { printed } from "socket/debug.ts";
 *
 * const network = printed(denoNetwork, { only: { addresses: ["127.0.0.1"] } });
 * await using listener = new Listener(0, { interface: "127.0.0.1" });
 * listener.attach({ onBytes: (_caller, bytes) => bytes });
 * await listener.start();
 * await using client = await Client.connect({ host: "127.0.0.1", port: listener.port, network });
 * await client.write("hello");
 * await client.read();
 * ```
 */
export function printed(network: Network, config?: PrintConfig): Network;
export function printed(network: Network, config: PrintConfig = {}): Network {
  checkMethods("network", network, "connect", "listen", "listenDatagram");
  const options = readOptions<PrintConfig>("config", config, CONFIG);
  const { maxBytes = 256 } = options;
  checkInteger("maxBytes", maxBytes, 0);
  // Looked up when it is called: a test may have replaced it.
  const print = checkFunction("print", options.print) ?? ((text: string) => console.log(text));
  const isWanted = resolveFilter(options.only);
  const start = network.clock.now();
  const say = (what: string, bytes?: Uint8Array) => {
    const seconds = ((network.clock.now() - start) / 1000).toFixed(3);
    // Made now: the bytes are lent.
    const dump = bytes === undefined ? "" : `\n${hexDump(bytes, { maxBytes })}`;
    tell(print, `${seconds} ${what}${dump}`);
  };
  return tappedNetwork(network, new PrintTap(say, isWanted));
}

class PrintTap implements Tap {
  readonly #say: (what: string, bytes?: Uint8Array) => void;
  readonly #isWanted: (ends: TrafficEnds) => boolean;

  constructor(
    say: (what: string, bytes?: Uint8Array) => void,
    isWanted: (ends: TrafficEnds) => boolean,
  ) {
    this.#say = say;
    this.#isWanted = isWanted;
  }

  stream({ ends, isAccepted }: { ends: TrafficEnds; isAccepted: boolean }): StreamTap | undefined {
    if (!this.#isWanted(ends)) return undefined;
    const say = this.#say;
    const [there, back] = arrows(ends);
    let isOver = false;
    const end = (what: string) => {
      if (!isOver) say(what);
    };
    say(isAccepted ? `${back} accepted` : `${there} connected`);
    return {
      sent: (bytes) => say(`${there} ${bytes.length} bytes`, bytes),
      received: (bytes) => say(`${back} ${bytes.length} bytes`, bytes),
      secured: (secure) => end(`${there} secure ${secure?.protocol ?? ""}`.trimEnd()),
      ended: () => end(`${there} end`),
      peerEnded: () => end(`${back} end`),
      cut: () => end(`${there} cut`),
      peerCut: () => end(`${back} cut`),
      freed: () => {
        isOver = true;
      },
    };
  }

  datagrams(local: NetworkAddress): DatagramTap {
    const tellOf = (bytes: Uint8Array, host: string, port: number, isSent: boolean) => {
      const ends: TrafficEnds = {
        protocol: "udp",
        localAddress: hostOf(local),
        localPort: portOf(local),
        remoteAddress: host,
        remotePort: port,
      };
      if (!this.#isWanted(ends)) return;
      this.#say(`${arrows(ends)[isSent ? 0 : 1]} ${bytes.length} bytes`, bytes);
    };
    return {
      sent: (bytes, host, port) => tellOf(bytes, host, port, true),
      received: (bytes, host, port) => tellOf(bytes, host, port, false),
      freed: () => {},
    };
  }
}

/** How both directions are written. */
function arrows(ends: TrafficEnds): [there: string, back: string] {
  const { protocol, localAddress, localPort, remoteAddress, remotePort } = ends;
  const isUnix = protocol === "unix";
  const written = (address: string, port: number) =>
    // A peer has chosen its path.
    isUnix ? printable(formatPath(address)) : formatAddress(address, port);
  const near = written(localAddress, localPort);
  const far = written(remoteAddress, remotePort);
  return [`${protocol} ${near} > ${far}`, `${protocol} ${near} < ${far}`];
}
