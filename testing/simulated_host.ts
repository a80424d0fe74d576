// A host of a simulated network: its addresses, ports and descriptors, and how connections to others are made.

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
import { checkInteger } from "../src/base/arguments.ts";
import { type SupportedOptions, unsupportedOption } from "../src/network/socket_options.ts";
import type { Turns } from "../src/network/turns.ts";
import { type Datagram, SimulatedDatagramSocket } from "./simulated_datagrams.ts";
import { SimulatedListener } from "./simulated_listener.ts";
import { Ports, reaches } from "./simulated_ports.ts";
import { SimulatedStream } from "./simulated_stream.ts";
import type { SimulatedPath } from "./simulated_wire.ts";
import {
  addressFamily,
  addrInUse,
  addrNotAvailable,
  connectionRefused,
  connectionReset,
  timedOut,
  tooManyOpenFiles,
  unknownHost,
} from "./system_errors.ts";
import type { World } from "./world.ts";

const FIRST_DYNAMIC_PORT = 49_152;
const LAST_PORT = 65_535;
/** A first packet without an answer is sent again after 1 s, 2 s, 4 s, ... until this much time has passed. */
const CONNECT_GIVES_UP_AFTER_IN_MILLIS = 127_000;
const ANY = ["0.0.0.0", "::"];
const LOOPBACK = ["127.0.0.1", "::1", "localhost"];
const LONGEST_PARTITION_IN_MILLIS = 60_000;

/** What the simulator's sockets can be set to: nothing. */
const NO_OPTIONS: SupportedOptions = {
  name: "the simulator",
  connect: new Set(),
  listen: new Set(),
  adopt: new Set(),
  path: new Set(),
  datagram: new Set(),
  remedy: "leave it out in the simulation",
};

/**
 * A host of a simulated network, and the {@linkcode Network} of the programs that run on it:
 * `new Listener(80, { network: net.host("server") })`.
 */
export interface SimulatedHost extends Network {
  /** Its name. */
  readonly name: string;
  /** Its IP address. */
  readonly address: string;
  /**
   * How many descriptors its programs may have open; one more fails with code `"EMFILE"`. May be changed at any
   * time, to an integer from 0 or `Infinity`; anything else throws.
   *
   * @default Infinity
   */
  descriptorLimit: number;
  /** What its programs have open, a line each. */
  readonly leftBehind: readonly string[];
  /** Binds and listens on one of its own addresses. */
  listen(target: ListenTarget): TransportListener;
  /**
   * Binds a datagram socket to one of its own addresses. Groups are not simulated, and a shared address
   * (`reuseAddress`) is refused.
   */
  listenDatagram(target: DatagramTarget): DatagramSocket;
  /** The power fails: the host is silent, and no peer is notified. */
  vanish(): void;
  /** The power is back: the host can be reached, but it knows nothing of its connections any more. */
  restart(): void;
  /** Something on the way resets every connection of the host. */
  resetAll(): void;
}

/** What makes hosts of a simulated network. */
export class Host implements SimulatedHost {
  readonly name: string;
  readonly address: string;
  #descriptorLimit = Infinity;
  readonly overwritesLentBytes = true;
  readonly socketOptions = NO_OPTIONS;
  readonly #world: World;
  readonly #resolve: (name: string) => Host | undefined;
  readonly #open = new Set<{ describe(): string }>();
  readonly #streams = new Set<SimulatedStream>();
  readonly #listeners = new Ports<SimulatedListener>();
  readonly #datagrams = new Ports<SimulatedDatagramSocket>();
  readonly #dialPorts = new Set<number>();
  readonly #met = new Set<string>();
  #connecting = 0;

  constructor(
    world: World,
    name: string,
    address: string,
    resolve: (name: string) => Host | undefined,
  ) {
    this.#world = world;
    this.name = name;
    this.address = address;
    this.#resolve = resolve;
  }

  get descriptorLimit(): number {
    return this.#descriptorLimit;
  }

  set descriptorLimit(limit: number) {
    const most = Number.MAX_SAFE_INTEGER;
    if (limit !== Infinity) checkInteger("descriptorLimit", limit, 0, most, " or Infinity");
    this.#descriptorLimit = limit;
  }

  get clock(): Clock {
    return this.#world.clock;
  }

  get turns(): Turns {
    return this.#world.turns;
  }

  get leftBehind(): string[] {
    return [...this.#open].map((resource) => `${this.name}: ${resource.describe()}`);
  }

  async connect({ hostname, port, signal }: ConnectTarget): Promise<Transport> {
    signal?.throwIfAborted();
    this.#checkDescriptors();
    this.#connecting++;
    const localPort = this.#freePort();
    this.#dialPorts.add(localPort);
    const givenUp = Promise.withResolvers<never>();
    givenUp.promise.catch(() => {}); // It may arrive when nothing waits for it any more.
    const giveUp = () => givenUp.reject(signal!.reason);
    const { random, faults } = this.#world;
    if (!random.chance(faults.deafConnects)) signal?.addEventListener("abort", giveUp);
    try {
      const stream = await this.#dial(hostname, port, localPort, givenUp.promise);
      this.#open.add(stream);
      return stream;
    } catch (error) {
      this.#world.note(`connect ${this.name}>${hostname}:${port} fails`);
      this.#dialPorts.delete(localPort);
      throw error;
    } finally {
      this.#connecting--;
      signal?.removeEventListener("abort", giveUp);
    }
  }

  listen({ hostname, port, backlog }: ListenTarget): SimulatedListener {
    const bound = this.#bind(hostname, port, this.#listeners);
    const addr = { transport: "tcp", ...bound } as const;
    const listener = new SimulatedListener(this.#world, addr, backlog, {
      adopt: (stream) => {
        if (this.#descriptors >= this.descriptorLimit) return false;
        this.#open.add(stream);
        return true;
      },
      unbind: () => {
        this.#listeners.delete(listener);
        this.#open.delete(listener);
      },
    });
    this.#listeners.add(listener);
    this.#open.add(listener);
    return listener;
  }

  listenDatagram({ hostname, port, reuseAddress }: DatagramTarget): SimulatedDatagramSocket {
    if (reuseAddress === true) {
      throw unsupportedOption("reuseAddress", NO_OPTIONS);
    }
    const bound = this.#bind(hostname, port, this.#datagrams);
    const addr = { transport: "udp", ...bound } as const;
    const route = this.#sendDatagram.bind(this);
    const socket = new SimulatedDatagramSocket(this.#world, addr, route, () => {
      this.#datagrams.delete(socket);
      this.#open.delete(socket);
    });
    this.#datagrams.add(socket);
    this.#open.add(socket);
    return socket;
  }

  async resolveName(hostname: string): Promise<ResolvedName> {
    await this.#world.delay(this.#world.latency());
    if (LOOPBACK.includes(hostname)) return { addresses: [loopbackOf(hostname)], isDirect: true };
    const host = this.#resolve(hostname);
    if (host === undefined) throw unknownHost();
    return { addresses: [host.address], isDirect: true };
  }

  vanish(): void {
    this.#world.setDown(this.address, true);
  }

  restart(): void {
    for (const stream of this.#streams) stream.die(connectionReset());
    this.#world.setDown(this.address, false);
  }

  resetAll(): void {
    for (const stream of this.#streams) stream.disturb();
  }

  get #descriptors(): number {
    return this.#open.size + this.#connecting;
  }

  #checkDescriptors(): void {
    if (this.#descriptors >= this.descriptorLimit) throw tooManyOpenFiles();
  }

  #bind(
    hostname: string,
    port: number,
    bound: { has(port: number): boolean; isTaken(hostname: string, port: number): boolean },
  ): { hostname: string; port: number } {
    if (hostname === "localhost") hostname = "127.0.0.1";
    if (hostname === this.name) hostname = this.address;
    if (![...ANY, ...LOOPBACK, this.address].includes(hostname)) throw addrNotAvailable();
    if (bound.isTaken(hostname, port)) throw addrInUse();
    this.#checkDescriptors();
    return { hostname, port: port === 0 ? this.#freePort(bound) : port };
  }

  #freePort(bound: { has(port: number): boolean } = this.#dialPorts): number {
    for (;;) {
      const port = this.#world.random.integer(FIRST_DYNAMIC_PORT, LAST_PORT);
      if (!bound.has(port)) return port;
    }
  }

  async #dial(
    hostname: string,
    port: number,
    localPort: number,
    givenUp: Promise<never>,
  ): Promise<SimulatedStream> {
    const world = this.#world;
    const travel = (delay: number) => Promise.race([world.delay(delay), givenUp]);
    const isLocal = LOOPBACK.includes(hostname);
    const target = isLocal ? this : this.#resolve(hostname);
    if (target === undefined) {
      await travel(world.latency());
      throw unknownHost();
    }
    const there = isLocal ? loopbackOf(hostname) : target.address;
    const here = isLocal ? there : this.address;
    this.#meet(target);
    for (let waited = 0, retry = 1000;; waited += retry, retry *= 2) {
      await travel(world.latency());
      if (!world.isCut(here, there)) {
        const listener = target.#listeners.at(there, port);
        if (listener?.isListening !== true) {
          await travel(world.latency());
          throw connectionRefused();
        }
        if (listener.hasRoom) {
          const near = this.#join(target, listener, {
            from: { transport: "tcp", hostname: here, port: localPort },
            to: { transport: "tcp", hostname: there, port },
            isDead: false,
          });
          await travel(world.latency()).catch((reason) => {
            near.close();
            throw reason;
          });
          return near;
        }
      }
      if (waited >= CONNECT_GIVES_UP_AFTER_IN_MILLIS) throw timedOut();
      await travel(retry);
    }
  }

  /** Makes a connection, whose far end now waits to be accepted. */
  #join(target: Host, listener: SimulatedListener, path: SimulatedPath): SimulatedStream {
    const world = this.#world;
    world.note(`join ${this.name}:${path.from.port}>${target.name}:${path.to.port}`);
    const [near, far] = SimulatedStream.pair(world, path, () => {
      this.#open.delete(near);
      this.#dialPorts.delete(path.from.port);
    }, () => target.#open.delete(far));
    this.#keep(near);
    target.#keep(far);
    listener.offer(far);
    const { random, faults } = world;
    const soon = () => random.next() * faults.disturbWithinInMillis;
    if (random.chance(faults.resets)) world.after(soon(), () => near.disturb());
    if (random.chance(faults.vanishings)) world.after(soon(), () => void (path.isDead = true));
    return near;
  }

  /** A stream belongs to the system until everything has arrived, even if the program closed it earlier. */
  #keep(stream: SimulatedStream): void {
    for (const old of this.#streams) {
      if (old.isOver) this.#streams.delete(old);
    }
    this.#streams.add(stream);
  }

  /** When two hosts first meet it is decided whether they will lose sight of each other. */
  #meet(target: Host): void {
    if (target === this || this.#met.has(target.name)) return;
    this.#met.add(target.name);
    const { random, faults } = this.#world;
    if (!random.chance(faults.partitions)) return;
    this.#world.after(random.next() * faults.disturbWithinInMillis, () => {
      this.#world.cut(this.address, target.address);
      this.#world.after(
        random.next() * LONGEST_PARTITION_IN_MILLIS,
        () => this.#world.mend(this.address, target.address),
      );
    });
  }

  #sendDatagram({ bytes, from }: Datagram, hostname: string, port: number): void {
    const world = this.#world;
    const isLocal = LOOPBACK.includes(hostname);
    const target = isLocal ? this : this.#resolve(hostname);
    if (target === undefined) throw unknownHost();
    const { random, faults } = world;
    const there = isLocal ? loopbackOf(hostname) : target.address;
    const here = isLocal ? there : this.address;
    if (!reaches(from.hostname, there)) throw addressFamily();
    const sender = ANY.includes(from.hostname) ? { ...from, hostname: here } : from;
    const copies = random.chance(faults.loss) ? 0 : random.chance(faults.duplicates) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const held = random.chance(faults.reordering) ? random.next() * 100 : 0;
      world.after(world.latency() + held, () => {
        if (world.isCut(here, there)) return;
        target.#datagrams.at(there, port)?.deliver({ bytes, from: sender });
      });
    }
  }
}

/** The address of a host that only itself can reach. */
function loopbackOf(name: string): string {
  return name === "::1" ? name : "127.0.0.1";
}
