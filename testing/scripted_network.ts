// A network and a listener that play scripts: what connecting and accepting give, one after the other.

import type {
  Clock,
  ConnectTarget,
  ListenTarget,
  Network,
  Transport,
  TransportListener,
} from "../src/network/network.ts";
import { denoNetwork } from "../src/network/deno/deno_network.ts";
import type { NetworkAddress } from "../src/base/address.ts";
import { checkMethods } from "../src/base/arguments.ts";
import { optionNames, readList, readOptions } from "../src/base/options.ts";
import { END, Script, type Step } from "./script.ts";

/** What a scripted listener is made of, besides what it accepts. */
export interface ScriptedListenerOptions {
  /**
   * The address it is bound to.
   *
   * @default 127.0.0.1, port 50000
   */
  readonly addr?: NetworkAddress;
  /**
   * What pauses go by.
   *
   * @default Deno's clock
   */
  readonly clock?: Clock;
}

const LISTENER_OPTIONS = optionNames<ScriptedListenerOptions>({ addr: true, clock: true });

/** A {@linkcode TransportListener} that accepts what a script says. */
export interface ScriptedListener extends TransportListener {
  /** How often `accept` was called. */
  readonly accepts: number;
  /** Whether an accept waits right now. */
  readonly isAccepting: boolean;
  /** Whether it was closed. */
  readonly isClosed: boolean;
  /** Adds steps at the end of the script, also while an accept waits. */
  say(...steps: (Transport | Step)[]): void;
}

/**
 * Makes a listener that accepts what a script says; after the last step, an accept waits until the listener is closed
 * or its script goes on.
 *
 * @param script Transports, and what happens between: `[outOfDescriptors(), scriptedTransport(["ab"])]`.
 * @param options Address and clock.
 * @throws {TypeError} A step is neither a transport nor a step, or an option is wrong.
 */
export function scriptedListener(
  script: readonly (Transport | Step)[],
  options?: ScriptedListenerOptions,
): ScriptedListener;
export function scriptedListener(
  script: readonly (Transport | Step)[],
  options: ScriptedListenerOptions = {},
): ScriptedListener {
  const { addr, clock = denoNetwork.clock } = readOptions<ScriptedListenerOptions>(
    "options",
    options,
    LISTENER_OPTIONS,
  );
  checkMethods("clock", clock, "now", "setTimeout", "clearTimeout");
  const steps = new Script(script, clock, "script", checkTransport);
  const closed = Promise.withResolvers<never>();
  closed.promise.catch(() => {}); // No accept may be pending when it closes.
  const badResource = () => new Deno.errors.BadResource("Listener has been closed");
  let accepts = 0;
  let isAccepting = false;
  let isClosed = false;
  let more = Promise.withResolvers<void>();
  return {
    addr: addr ?? { transport: "tcp", hostname: "127.0.0.1", port: 50_000 },
    get accepts() {
      return accepts;
    },
    get isAccepting() {
      return isAccepting;
    },
    get isClosed() {
      return isClosed;
    },
    say(...added) {
      steps.say(...added);
      more.resolve();
      more = Promise.withResolvers();
    },
    async accept() {
      accepts++;
      if (isClosed) throw badResource();
      if (isAccepting) throw new Deno.errors.Busy("Another accept task is ongoing");
      isAccepting = true;
      try {
        for (;;) {
          const next = await steps.next();
          if (next !== END) return next;
          await Promise.race([more.promise, closed.promise]);
        }
      } finally {
        isAccepting = false;
      }
    },
    close() {
      if (isClosed) throw badResource();
      isClosed = true;
      closed.reject(badResource());
      steps.stop(badResource());
    },
  };
}

function checkTransport(transport: Transport): void {
  checkMethods("Each transport of a script", transport, "read", "write", "closeWrite", "close");
}

/** What a scripted network gives. */
export interface ScriptedNetworkOptions {
  /**
   * What each connect gives; after the last step, every connect is refused.
   *
   * @default []
   */
  readonly connects?: readonly (Transport | Step)[];
  /**
   * What each listen gives, or throws; after the last step, every address is in use.
   *
   * @default []
   */
  readonly listens?: readonly (TransportListener | Error)[];
  /**
   * The time that everything on this network goes by.
   *
   * @default Deno's clock
   */
  readonly clock?: Clock;
}

const OPTIONS = optionNames<ScriptedNetworkOptions>({ connects: true, listens: true, clock: true });

/** A {@linkcode Network} that plays scripts. */
export interface ScriptedNetwork extends Network {
  /** What was asked for: `"connect name:80"`, `"listen 0.0.0.0:80"`. */
  readonly calls: readonly string[];
}

/**
 * Makes a network whose connects and listens play scripts.
 *
 * @param options The scripts, and the clock that everything on this network goes by.
 * @throws {TypeError} A script has something that it cannot give, or an option is wrong.
 */
export function scriptedNetwork(options: ScriptedNetworkOptions): ScriptedNetwork {
  const given = readOptions<ScriptedNetworkOptions>("options", options, OPTIONS);
  const { clock = denoNetwork.clock, connects: dialled = [], listens: bound = [] } = given;
  checkMethods("clock", clock, "now", "setTimeout", "clearTimeout");
  const connects = new Script(dialled, clock, "connects", checkTransport);
  const listens = [...readList("listens", bound) as typeof bound];
  for (const one of listens) {
    if (!(one instanceof Error)) checkMethods("Each of listens", one, "accept", "close");
  }
  const calls: string[] = [];
  return {
    clock,
    overwritesLentBytes: true,
    calls,
    async connect({ hostname, port, signal }: ConnectTarget) {
      calls.push(`connect ${hostname}:${port}`);
      signal?.throwIfAborted();
      const given = Promise.withResolvers<never>();
      const giveUp = () => given.reject(signal!.reason);
      signal?.addEventListener("abort", giveUp);
      try {
        const transport = await Promise.race([connects.next(), given.promise]);
        if (transport !== END) return transport;
        throw new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
      } finally {
        signal?.removeEventListener("abort", giveUp);
      }
    },
    listen({ hostname, port }: ListenTarget) {
      calls.push(`listen ${hostname}:${port}`);
      const next = listens.shift() ??
        new Deno.errors.AddrInUse("Address already in use (os error 98)");
      if (next instanceof Error) throw next;
      return next;
    },
    listenDatagram() {
      throw new Deno.errors.NotSupported("Cannot bind a datagram socket on a scripted network");
    },
  };
}
