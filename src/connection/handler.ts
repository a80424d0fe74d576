// A loop of the user's for each connection, contained: as a service, of which it is the first method.

import { checkFunction, shown } from "../base/arguments.ts";
import { optionNames, readOptions } from "../base/options.ts";
import { coreOf } from "./connection.ts";
import type { Caller, Service } from "./service.ts";

/** What serves one connection; it closes when this returns. */
export type Handler = (caller: Caller) => void | Promise<void>;

/** What is called besides a handler. */
export type HandlerCallbacks = Pick<Service, "onError" | "onClose">;

const CALLBACKS = optionNames<HandlerCallbacks>({ onError: true, onClose: true });

/**
 * Makes a service of a handler.
 *
 * @throws {TypeError} One of them is none.
 */
export function serviceOf(handler: Handler, callbacks: HandlerCallbacks): Service {
  if (typeof handler !== "function") {
    throw new TypeError(`handler must be a function: got ${shown(handler)}`);
  }
  const { onError, onClose } = readOptions("callbacks", callbacks, CALLBACKS);
  checkFunction("callbacks.onError", onError);
  checkFunction("callbacks.onClose", onClose);
  return {
    async onConnect(caller) {
      coreOf(caller).lendsToLoops = true;
      await handler(caller);
      // Not waited for: a stop counts a connection as idle when its method is over.
      void caller.close();
    },
    ...(onError === undefined ? {} : { onError }),
    ...(onClose === undefined ? {} : { onClose }),
  };
}
