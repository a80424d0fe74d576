// The library as a program under test gets it: five minutes pass for all its sockets when it is sent SIGUSR2.
// So a client can be silent for longer than any server waits, while no test has to wait.

import * as socket from "../../mod.ts";
import type { Clock, Network, TimerId } from "../../network.ts";

export * from "../../mod.ts";

/** More than the longest default of a timeout. */
const SKIPPED_IN_MILLIS = 301_000;

interface Timer {
  readonly due: number;
  readonly run: () => void;
  id: TimerId;
}

/** The real time, and what was skipped of it. */
class SkippingClock implements Clock {
  readonly #real = socket.denoNetwork.clock;
  readonly #timers = new Set<Timer>();
  #skipped = 0;

  now(): number {
    return this.#real.now() + this.#skipped;
  }

  setTimeout(callback: () => void, delayInMillis: number): Timer {
    const timer: Timer = {
      due: this.now() + delayInMillis,
      run: () => {
        this.#timers.delete(timer);
        callback();
      },
      id: 0,
    };
    timer.id = this.#real.setTimeout(timer.run, delayInMillis);
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(id: TimerId): void {
    this.#timers.delete(id as Timer);
    this.#real.clearTimeout((id as Timer).id);
  }

  unrefTimer(id: TimerId): void {
    this.#real.unrefTimer?.((id as Timer).id);
  }

  skip(millis: number): void {
    this.#skipped += millis;
    const now = this.now();
    for (const timer of [...this.#timers].sort((a, b) => a.due - b.due)) {
      // A callback may clear others.
      if (timer.due > now || !this.#timers.has(timer)) continue;
      this.#real.clearTimeout(timer.id);
      timer.run();
    }
  }
}

const clock = new SkippingClock();
const network: Network = { ...socket.denoNetwork, clock };

Deno.addSignalListener("SIGUSR2", () => {
  clock.skip(SKIPPED_IN_MILLIS);
  console.log("Five minutes have passed");
});

export class Client extends socket.Client {
  static override connect(
    config: socket.ClientConfig | socket.LocalClientConfig,
  ): Promise<socket.Client> {
    return socket.Client.connect({ network, ...config });
  }
}

export class Listener extends socket.Listener {
  constructor(port: number, config: socket.ListenerConfig = {}) {
    super(port, { network, ...config });
  }
}

export class UdpClient extends socket.UdpClient {
  constructor(
    localAddress?: { readonly host?: string; readonly port: number },
    config: socket.UdpClientConfig = {},
  ) {
    super(localAddress, { network, ...config });
  }
}

export class UdpListener extends socket.UdpListener {
  constructor(port: number, config: socket.UdpListenerConfig = {}) {
    super(port, { network, ...config });
  }
}
