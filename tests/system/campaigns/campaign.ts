// A campaign is a program that runs on a simulated network under thousands of seeds. With even seeds the network
// is gentle, and everything must arrive. With odd ones connections die, and what arrives must still be the start of
// what was sent, without a gap, and every wait must end.

import { Client, type ClientConfig, type SocketError } from "../../../mod.ts";
import {
  type Faults,
  gentleFaults,
  Random,
  simulate,
  type SimulatedNetwork,
  type SimulationReport,
} from "../../../testing/mod.ts";

/** A program and its invariants, whatever the network does. */
export interface Campaign {
  /** Its name. */
  readonly name: string;
  /** What goes wrong, where that is not gentle and hostile in turn. */
  readonly faults?: (random: Random) => Faults;
  /** One run; throws where something does not hold. */
  readonly run: (net: SimulatedNetwork) => Promise<void>;
}

/** Runs a campaign with one seed. With half of the even seeds, and half of the odd ones, sockets need no promises. */
export function runSeed(campaign: Campaign, seed: number): Promise<SimulationReport> {
  const faults = campaign.faults?.(new Random(seed)) ?? (seed % 2 === 0 ? "gentle" : "hostile");
  return simulate(seed, campaign.run, { faults, canTry: seed % 4 >= 2 });
}

/** Runs a seed again, and throws where the run differs. */
export async function ensureReplays(
  campaign: Campaign,
  { seed, traceHash }: SimulationReport,
): Promise<void> {
  const again = await runSeed(campaign, seed);
  ensure(
    again.traceHash === traceHash,
    `Seed ${seed} of ${campaign.name} did not replay: trace ${traceHash}, then ${again.traceHash}`,
  );
}

/** Faults of a network that is gentle and fast: what arrives late there was sent late. */
export function promptFaults(random: Random): Faults {
  return {
    ...gentleFaults(random),
    latencyInMillis: [0, random.pick([0, 1, 10])],
    bytesPerSecond: Infinity,
    receiveBufferInBytes: 65_536,
    sendBufferInBytes: 65_536,
    loss: 0,
  };
}

/** Connects a host to another one, with the patience that slow networks need. */
export function dial(net: SimulatedNetwork, from: string, config: ClientConfig): Promise<Client> {
  return Client.connect({
    network: net.host(from),
    connectTimeoutInMillis: 200_000,
    closeTimeoutInMillis: 600_000,
    ...config,
  });
}

/** Whether nothing in this run may end a connection. */
export function isGentle({ faults }: SimulatedNetwork): boolean {
  return faults.resets === 0 && faults.vanishings === 0 && faults.partitions === 0;
}

/** What a correct program must expect of a network that is not gentle. */
const EXPECTED = ["broken", "timed-out", "unreachable", "closed"];

/**
 * Waits for something that may fail because of the network, and only because of it.
 *
 * @returns What it gives; `undefined` where it failed. In a gentle run nothing may fail.
 */
export async function survives<T>(
  net: SimulatedNetwork,
  promise: Promise<T>,
): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isGentle(net) || !EXPECTED.includes((error as SocketError).code)) throw error;
    return undefined;
  }
}

/** Throws unless the condition holds. */
export function ensure(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new Error(otherwise);
}

/** Throws unless what arrived is what was sent; in a run that is not gentle, unless it is the start of it. */
export function ensureArrived(
  net: SimulatedNetwork,
  what: string,
  arrived: Uint8Array,
  sent: Uint8Array,
): void {
  ensure(arrived.length <= sent.length, `${what}: ${arrived.length} of ${sent.length} bytes came`);
  const at = arrived.findIndex((byte, index) => byte !== sent[index]);
  ensure(at < 0, `${what}: byte ${at} of ${sent.length} is ${arrived[at]}, not ${sent[at]}`);
  ensure(
    arrived.length === sent.length || !isGentle(net),
    `${what}: only ${arrived.length} of ${sent.length} bytes came`,
  );
}

/** Bytes that grow at the end. */
export class Growing {
  #bytes = new Uint8Array(1024);
  #length = 0;

  /** All bytes so far. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Adds some. */
  add(bytes: Uint8Array): void {
    while (this.#length + bytes.length > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }
}

/** Cuts bytes into pieces of random sizes. */
export function* pieces(
  net: SimulatedNetwork,
  bytes: Uint8Array,
  largest: number,
): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const length = net.random.integer(1, largest);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}
