// A listening socket of a simulated host: connections wait in its backlog until they are accepted.

import type { Transport, TransportListener } from "../src/network/network.ts";
import type { SimulatedStream } from "./simulated_stream.ts";
import type { SimulatedAddress } from "./simulated_wire.ts";
import { badResource, busy, notConnected, tooManyOpenFiles } from "./system_errors.ts";
import type { World } from "./world.ts";

/** What a listener asks of the host it is on. */
export interface ListenerHost {
  /** Gives an accepted connection a descriptor; `false` where none is left. */
  adopt(stream: SimulatedStream): boolean;
  /** Lets go of the port. */
  unbind(listener: SimulatedListener): void;
}

/** A listening socket of a simulated host. */
export class SimulatedListener implements TransportListener {
  readonly addr: SimulatedAddress;
  readonly #world: World;
  readonly #host: ListenerHost;
  readonly #backlog: number;
  readonly #waiting: SimulatedStream[] = [];
  #accepting: PromiseWithResolvers<Transport> | undefined;
  #isDue = false;
  #isClosed = false;
  /** Only where the network can try. */
  readonly tryAccept?: () => Transport | undefined;

  constructor(
    world: World,
    addr: SimulatedAddress,
    backlog: number,
    host: ListenerHost,
  ) {
    this.#world = world;
    this.addr = addr;
    this.#backlog = backlog;
    this.#host = host;
    if (world.canTry) this.tryAccept = () => this.#tryAccept();
  }

  /** Whether another connection may wait; without room its first packet is dropped. */
  get hasRoom(): boolean {
    return this.#waiting.length <= this.#backlog;
  }

  /** Whether it takes connections still: its port is free only later. */
  get isListening(): boolean {
    return !this.#isClosed;
  }

  /** Describes it and what waits on it. */
  describe(): string {
    const accept = this.#accepting === undefined ? "" : ", an accept waits";
    return `listener ${this.addr.hostname}:${this.addr.port} is open${accept}`;
  }

  /** Puts a connection into the backlog. */
  offer(stream: SimulatedStream): void {
    this.#waiting.push(stream);
    this.#serve();
  }

  accept(): Promise<Transport> {
    if (this.#isClosed) return Promise.reject(badResource("Listener has been closed"));
    if (this.#accepting !== undefined) {
      this.#world.violation(`listener :${this.addr.port}: two accepts at once`);
      return Promise.reject(busy("Another accept task is ongoing"));
    }
    const accepting = this.#accepting = Promise.withResolvers<Transport>();
    this.#serve();
    return accepting.promise;
  }

  close(): void {
    if (this.#isClosed) throw badResource("Listener has been closed");
    this.#world.note(`close listener :${this.addr.port}`);
    this.#isClosed = true;
    for (const stream of this.#waiting.splice(0)) stream.reset();
    const accepting = this.#accepting;
    if (accepting === undefined) return this.#host.unbind(this);
    // The runtime lets go of the port only when the pending accept has ended.
    this.#world.after(0, () => {
      this.#host.unbind(this);
      accepting.reject(badResource("Listener has been closed"));
    });
  }

  #serve(): void {
    if (this.#accepting === undefined || this.#isDue || this.#waiting.length === 0) return;
    this.#isDue = true;
    this.#world.complete(() => {
      this.#isDue = false;
      if (!this.#isClosed) this.#finish();
    });
  }

  #finish(): void {
    const accepting = this.#accepting!;
    this.#accepting = undefined;
    try {
      accepting.resolve(this.#take());
    } catch (error) {
      accepting.reject(error);
    }
  }

  #tryAccept(): Transport | undefined {
    if (this.#accepting !== undefined) {
      this.#world.violation(`listener :${this.addr.port}: an attempt while an accept waits`);
    }
    return this.#isClosed || this.#waiting.length === 0 ? undefined : this.#take();
  }

  /** Takes the one who has waited longest. */
  #take(): Transport {
    const { random, faults } = this.#world;
    const stream = this.#waiting[0]!;
    if (random.chance(faults.acceptFailures) || !this.#host.adopt(stream)) {
      this.#world.note(`accept :${this.addr.port} fails`);
      throw tooManyOpenFiles();
    }
    this.#waiting.shift();
    if (stream.isDead) {
      // The runtime asks the system for the peer's address, which is forgotten by then.
      this.#world.note(`accept :${this.addr.port} of a dead connection`);
      stream.close();
      throw notConnected();
    }
    this.#world.note(`accept :${this.addr.port} from :${stream.remoteAddr.port}`);
    return stream;
  }
}
