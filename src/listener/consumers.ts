// What gets the connections or datagrams of a listener: a service or an iteration, one at a time.

import { checkSignal, shown } from "../base/arguments.ts";
import { GenericError } from "../base/errors.ts";
import { OVER } from "../base/iteration.ts";
import { optionNames, readOptions } from "../base/options.ts";

/** How an iteration over what arrives may end. */
export interface IterationOptions {
  /** Its abort ends the loop with the signal's own reason. What has arrived stays for the next loop or service. */
  readonly signal?: AbortSignal;
}

const ITERATION_OPTIONS = optionNames<IterationOptions>({ signal: true });

/** What consumers and their listener report to each other. */
export interface ConsumersHost<Consumer> {
  /** Whether anything may arrive. */
  isOpen(): boolean;
  /** Whether it was stopped, so that an iteration just ends. */
  isOver(): boolean;
  /** What an iteration says if nothing was started: "Cannot accept: not listening". */
  readonly notOpen: string;
  /** Another consumer, or none, gets what arrives. */
  onConsumer(consumer: Consumer | undefined): void;
}

/** The consumers of one listener. */
export class Consumers<Consumer extends object> {
  readonly #host: ConsumersHost<Consumer>;
  #current: Consumer | undefined;
  /** The service as it was passed in; `undefined` for an iteration. */
  #given: object | undefined;

  /** @param host Their listener. */
  constructor(host: ConsumersHost<Consumer>) {
    this.#host = host;
  }

  /** The consumer that gets what arrives. */
  get current(): Consumer | undefined {
    return this.#current;
  }

  /**
   * Lets a service get what arrives.
   *
   * @param given The service, by which it will be detached.
   * @param consumer What was made of it.
   * @throws {GenericError} `"busy"`: there is a consumer already.
   */
  attach(given: object, consumer: Consumer): void {
    this.#begin("attach", consumer, given);
  }

  /**
   * Lets a service get what arrives, and starts. Where that fails, it is detached again.
   *
   * @param given The service, by which it will be detached.
   * @param consumer What was made of it.
   * @param start Starts the listener.
   * @throws {GenericError} `"busy"`, as {@linkcode Consumers.attach}; or what starting failed with.
   */
  async serve(given: object, consumer: Consumer, start: () => Promise<void>): Promise<void> {
    this.#begin("serve", consumer, given);
    try {
      await start();
    } catch (error) {
      this.detach(given);
      throw error;
    }
  }

  /** Removes a service, if it is the one that is attached. */
  detach(given: object): void {
    if (typeof given !== "function" && (typeof given !== "object" || given === null)) {
      throw new TypeError(
        `service must be an object with methods or a function: got ${shown(given)}`,
      );
    }
    if (this.#given === given) this.#end();
  }

  /**
   * Lets an iteration get what arrives, until it ends or is left.
   *
   * @param consumer The iteration.
   * @param take Waits for what arrives next; it gives the end, also when the iteration is left.
   * @param options How it may end.
   * @throws {TypeError} An option is wrong.
   * @throws {GenericError} `"busy"`: there is a consumer already.
   */
  iterate<T>(
    consumer: Consumer,
    take: () => Promise<IteratorResult<T, undefined>>,
    options: IterationOptions = {},
  ): AsyncIterableIterator<T, undefined> {
    const given = readOptions<IterationOptions>("options", options, ITERATION_OPTIONS).signal;
    const signal = given === undefined ? undefined : checkSignal(given);
    this.#begin("iterate", consumer, undefined);
    const host = this.#host;
    let isAborted = false;
    const leave = () => {
      signal?.removeEventListener("abort", onAbort);
      if (this.#current === consumer) this.#end();
      // Once: afterwards it is over, as any iteration that has thrown.
      if (!isAborted) return OVER;
      isAborted = false;
      throw signal!.reason;
    };
    const onAbort = () => {
      if (this.#current !== consumer) return;
      isAborted = true;
      this.#end();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    return {
      next: async () => {
        if (this.#current !== consumer) return leave();
        if (!host.isOpen()) {
          leave();
          if (host.isOver()) return OVER;
          throw new GenericError("closed", `${host.notOpen}, call start() first`);
        }
        try {
          const next = await take();
          return next.done ? leave() : next;
        } catch (error) {
          leave();
          throw error;
        }
      },
      return: () => {
        isAborted = false;
        return Promise.resolve(leave());
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** The listener is no longer open: a service gets what arrives when it is open again, an iteration does not. */
  endIteration(): void {
    if (this.#given === undefined) this.#current = undefined;
  }

  #begin(action: string, consumer: Consumer, given: object | undefined): void {
    if (this.#current !== undefined) {
      // Whoever attaches and then serves has meant one of the two.
      const advice = action === "serve"
        ? "call start() for that one, or serve() without attach()"
        : "detach it first";
      const what = this.#given === undefined
        ? "an iteration is under way"
        : `a service is attached already, ${advice}`;
      throw new GenericError("busy", `Cannot ${action}: ${what}`);
    }
    this.#current = consumer;
    this.#given = given;
    this.#host.onConsumer(consumer);
  }

  #end(): void {
    this.#current = this.#given = undefined;
    this.#host.onConsumer(undefined);
  }
}
