// A whole network in memory, with every accident decided by a seed.

import type {
  Clock,
  ConnectTarget,
  DatagramSocket,
  DatagramTarget,
  ListenTarget,
  Network,
  ResolvedName,
  Transport,
  TransportListener,
} from "../src/network/network.ts";
import type { SupportedOptions } from "../src/network/socket_options.ts";
import type { Turns } from "../src/network/turns.ts";
import { checkBoolean, checkChoice, shown } from "../src/base/arguments.ts";
import { checkHost } from "../src/base/address.ts";
import { optionNames, readList, readOptions } from "../src/base/options.ts";
import { calmFaults, type Faults, gentleFaults, hostileFaults, readFaults } from "./faults.ts";
import { Random } from "./random.ts";
import { Host, type SimulatedHost } from "./simulated_host.ts";
import { VirtualClock } from "./virtual_clock.ts";
import { World } from "./world.ts";

/** How a simulated network behaves. */
export interface SimulatedNetworkOptions {
  /**
   * What goes wrong. `"calm"`: nothing, and nothing takes time. `"gentle"`: what a correct stream program does
   * not notice, drawn from the seed. `"hostile"`: also what ends connections. An object says it field by field,
   * and leaves the others calm.
   *
   * @default {"gentle"}
   */
  readonly faults?: "calm" | "gentle" | "hostile" | Partial<Faults>;
  /**
   * Whether its sockets can do without a promise, too: `tryRead`, `whenReadable` and `tryWrite` of streams,
   * `tryReceive`, `whenReadable` and `trySend` of datagram sockets. Programs on them take other ways then.
   *
   * @default {false}
   */
  readonly canTry?: boolean;
}

/** Its names. */
export const NETWORK_OPTIONS = optionNames<SimulatedNetworkOptions>({ faults: true, canTry: true });

let friend: (network: SimulatedNetwork) => { world: World; clock: VirtualClock };

/** The inside of a simulated network, for the driver; not exported from mod.ts. */
export function insideOf(network: SimulatedNetwork): { world: World; clock: VirtualClock } {
  return friend(network);
}

/**
 * Hosts that speak to each other in memory, on a virtual clock. The seed decides every delay, every cut and every
 * accident, so any run can be repeated.
 *
 * The network itself is the {@linkcode Network} of a host called `"localhost"`; {@linkcode SimulatedNetwork.host}
 * makes others. Time stands still until the clock is moved: {@linkcode simulate} does.
 */
export class SimulatedNetwork implements Network {
  /** What decides. */
  readonly seed: number;
  /** Numbers for the test itself, decided by the same seed; drawing them changes nothing else. */
  readonly random: Random;
  /** What goes wrong in this run. */
  readonly faults: Faults;
  /** Whoever keeps lent bytes finds out. */
  readonly overwritesLentBytes = true;
  readonly #world: World;
  readonly #clock: VirtualClock = new VirtualClock();
  readonly #hosts: Map<string, Host> = new Map();
  readonly #local: Host;

  static {
    friend = (network) => ({ world: network.#world, clock: network.#clock });
  }

  /**
   * Makes a network without hosts.
   *
   * @param seed An integer from 0 to 2^53 - 1.
   * @param options What goes wrong, and what its sockets can do.
   * @throws {TypeError | RangeError} The seed or an option is wrong.
   */
  constructor(seed: number, options?: SimulatedNetworkOptions);
  constructor(seed: number, options: SimulatedNetworkOptions = {}) {
    this.seed = seed;
    const random = new Random(seed);
    this.random = random.fork();
    const { faults = "gentle", canTry = false } = readOptions<SimulatedNetworkOptions>(
      "options",
      options,
      NETWORK_OPTIONS,
    );
    checkBoolean("canTry", canTry);
    if (typeof faults === "object") this.faults = readFaults(faults);
    else if (checkChoice("faults", faults, ["calm", "gentle", "hostile"]) === "calm") {
      this.faults = calmFaults;
    } else if (faults === "gentle") this.faults = gentleFaults(random.fork());
    else this.faults = hostileFaults(random.fork());
    this.#world = new World(this.#clock, random, this.faults, canTry);
    this.#local = this.#addHost("localhost", "127.0.0.1");
  }

  /** The time of everything on this network. */
  get clock(): Clock {
    return this.#clock;
  }

  /** No connection starves on it. */
  get turns(): Turns {
    return this.#world.turns;
  }

  /** A hash of all that has happened: equal for equal runs. */
  get traceHash(): string {
    return this.#world.trace.hash;
  }

  /** The last events, the newest last. */
  get trace(): readonly string[] {
    return this.#world.trace.lines;
  }

  /** What was used in a way that real systems punish: two reads at once, a buffer detached during a read. */
  get violations(): readonly string[] {
    return this.#world.violations;
  }

  /**
   * What is left: open connections, listeners and sockets with what waits on them, and timeouts. A
   * {@linkcode SimulatedNetwork.delay} is none: nobody can end it.
   */
  get leftBehind(): string[] {
    const left = [...this.#hosts.values()].flatMap((host) => host.leftBehind);
    const timeouts = this.#clock.pending - this.#world.ownTimeouts;
    if (timeouts > 0) left.push(`${timeouts} timeout${timeouts === 1 ? " is" : "s are"} still set`);
    return left;
  }

  /**
   * The host with that name; made at the first call.
   *
   * @param name Its name, by which the others connect to it.
   * @throws {TypeError} It is no name of a host.
   */
  host(name: string): SimulatedHost {
    checkHost("name", name);
    return this.#hosts.get(name) ?? this.#addHost(name, `10.0.0.${this.#hosts.size}`);
  }

  /** Waits on the virtual clock. Whatever still waits so when a run is over is not reported, and does not go on. */
  delay(delayInMillis: number): Promise<void> {
    return this.#world.delay(delayInMillis);
  }

  /**
   * Separates hosts: connections between them stall, and go on when this is undone in time.
   *
   * @param a Names of hosts on one side.
   * @param b Names of hosts on the other.
   * @returns Undoes it.
   * @throws {TypeError} There is no host of a name.
   */
  partition(a: readonly string[], b: readonly string[]): () => void {
    const [here, there] = [this.#addressesOf("a", a), this.#addressesOf("b", b)];
    const pairs = here.flatMap((left) => there.map((right) => [left, right] as const));
    for (const [left, right] of pairs) this.#world.cut(left, right);
    return () => {
      for (const [left, right] of pairs.splice(0)) this.#world.mend(left, right);
    };
  }

  /** A misspelled name would separate nobody. */
  #addressesOf(side: string, names: readonly string[]): string[] {
    return readList(side, names).map((name) => {
      const host = this.#hosts.get(name as string);
      if (host !== undefined) return host.address;
      throw new TypeError(
        `${side} must have names of hosts that there are (${
          [...this.#hosts.keys()].join(", ")
        }): got ${shown(name)}`,
      );
    });
  }

  /** Connects from the host `"localhost"`. */
  connect(target: ConnectTarget): Promise<Transport> {
    return this.#local.connect(target);
  }

  /** What its sockets can be set to: nothing. */
  get socketOptions(): SupportedOptions {
    return this.#local.socketOptions;
  }

  /** Listens on the host `"localhost"`. */
  listen(target: ListenTarget): TransportListener {
    return this.#local.listen(target);
  }

  /** Binds a datagram socket on the host `"localhost"`. */
  listenDatagram(target: DatagramTarget): DatagramSocket {
    return this.#local.listenDatagram(target);
  }

  /**
   * Looks up the address of a host.
   *
   * @param hostname Its name.
   */
  resolveName(hostname: string): Promise<ResolvedName> {
    return this.#local.resolveName(hostname);
  }

  #addHost(name: string, address: string): Host {
    const resolve = (wanted: string) =>
      this.#hosts.get(wanted) ??
        [...this.#hosts.values()].find((host) => host.address === wanted);
    const host = new Host(this.#world, name, address, resolve);
    this.#world.setName(address, name);
    this.#hosts.set(name, host);
    return host;
  }
}
