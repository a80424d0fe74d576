// Who gets what comes to a listener, of streams or of datagrams: a service or an iteration, one at a time.

import { shown } from "../base/arguments.ts";
import { GenericError } from "../base/errors.ts";

/** What consumers are told about their listener, and what it is told about them. */
export interface ConsumersHost<Consumer> {
  /** Whether something may come. */
  isOpen(): boolean;
  /** Whether it was stopped, so that an iteration just ends. */
  isOver(): boolean;
  /** What an iteration cannot do where nothing was started: "Cannot accept: not listening". */
  readonly notOpen: string;
  /** Another one, or nobody, gets what comes. */
  onConsumer(consumer: Consumer | undefined): void;
}

/** What an iteration gives at its end. */
export const OVER = { done: true, value: undefined } as const;

/** The consumers of one listener. */
export class Consumers<Consumer extends object> {
  readonly #host: ConsumersHost<Consumer>;
  #current: Consumer | undefined;
  /** The service as it was given; `undefined` for an iteration. */
  #given: object | undefined;

  /** @param host Their listener. */
  constructor(host: ConsumersHost<Consumer>) {
    this.#host = host;
  }

  /** Who gets what comes. */
  get current(): Consumer | undefined {
    return this.#current;
  }

  /**
   * Has a service get what comes.
   *
   * @param given The service, by which it will be detached.
   * @param consumer What was made of it.
   * @throws {GenericError} `"busy"`: somebody gets it already.
   */
  attach(given: object, consumer: Consumer): void {
    this.#begin("attach", consumer, given);
  }

  /** Takes a service off, if it is the one that is attached. */
  detach(given: object): void {
    if (typeof given !== "function" && (typeof given !== "object" || given === null)) {
      throw new TypeError(
        `service must be an object with methods or a function: got ${shown(given)}`,
      );
    }
    if (this.#given === given) this.#end();
  }

  /**
   * Has an iteration get what comes, until it ends or is left.
   *
   * @param consumer Who it is.
   * @param take Waits for what comes next; it tells the end.
   * @throws {GenericError} `"busy"`: somebody gets it already.
   */
  iterate<T>(
    consumer: Consumer,
    take: () => Promise<IteratorResult<T, undefined>>,
  ): AsyncIterableIterator<T, undefined> {
    this.#begin("iterate", consumer, undefined);
    const host = this.#host;
    const leave = () => {
      if (this.#current === consumer) this.#end();
      return OVER;
    };
    return {
      next: async () => {
        if (this.#current !== consumer) return OVER;
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
      return: () => Promise.resolve(leave()),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** The listener is not open any more: a service gets what comes when it is again, an iteration does not. */
  endIteration(): void {
    if (this.#given === undefined) this.#current = undefined;
  }

  #begin(action: string, consumer: Consumer, given: object | undefined): void {
    if (this.#current !== undefined) {
      const who = this.#given === undefined
        ? "an iteration is under way"
        : "a service is attached already, detach it first";
      throw new GenericError("busy", `Cannot ${action}: ${who}`);
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
