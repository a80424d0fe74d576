// A function of the user for each connection, as a service with that function as its first method.

import { checkFunction, shown } from "../base/arguments.ts";
import { optionNames, readOptions } from "../base/options.ts";
import { coreOf } from "./connection.ts";
import type { Caller, Service } from "./service.ts";

/** What serves one connection; it closes when this returns. */
export type Handler = (caller: Caller) => void | Promise<void>;

/** The callbacks that go with a handler. */
export type HandlerCallbacks = Pick<Service, "onStop" | "onError" | "onClose">;

const CALLBACKS = optionNames<HandlerCallbacks>({ onStop: true, onError: true, onClose: true });

/**
 * Reads the callbacks that go with a handler.
 *
 * @returns Those that were given.
 * @throws {TypeError} The handler or a callback is not a function.
 */
export function readHandlerCallbacks<
  Callbacks extends { [Name in keyof HandlerCallbacks]?: unknown },
>(
  handler: unknown,
  callbacks: Callbacks,
): Readonly<Callbacks> {
  if (typeof handler !== "function") {
    throw new TypeError(`handler must be a function: got ${shown(handler)}`);
  }
  const given = readOptions<Callbacks>("callbacks", callbacks, CALLBACKS);
  for (const name of CALLBACKS) checkFunction(`callbacks.${name}`, given[name]);
  return given;
}

/**
 * Makes a service from a handler.
 *
 * @throws {TypeError} The handler or a callback is not a function.
 */
export function serviceOf(handler: Handler, callbacks: HandlerCallbacks): Service {
  return {
    ...readHandlerCallbacks(handler, callbacks),
    async onConnect(caller) {
      coreOf(caller).lendsToLoops = true;
      await handler(caller);
      // Not awaited: a stop counts a connection as idle when its method is over.
      void caller.close();
    },
  };
}
