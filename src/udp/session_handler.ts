// The user's loop for each session, made into a service that contains its errors.

import { checkFunction, shown } from "../base/arguments.ts";
import { optionNames, readOptions } from "../base/options.ts";
import type { UdpService } from "./udp_service.ts";
import type { UdpSession } from "./udp_session.ts";

/** Serves one session, which is closed when this returns. */
export type SessionHandler = (session: UdpSession) => void | Promise<void>;

/** Callbacks beside the handler. */
export type SessionHandlerCallbacks = Pick<UdpService, "onError" | "onClose">;

const CALLBACKS = optionNames<SessionHandlerCallbacks>({ onError: true, onClose: true });

/**
 * Makes a service of a handler.
 *
 * @throws {TypeError} A handler or a callback is not a function.
 */
export function sessionServiceOf(
  handler: SessionHandler,
  callbacks: SessionHandlerCallbacks,
): UdpService {
  if (typeof handler !== "function") {
    throw new TypeError(`handler must be a function: got ${shown(handler)}`);
  }
  const { onError, onClose } = readOptions("callbacks", callbacks, CALLBACKS);
  checkFunction("callbacks.onError", onError);
  checkFunction("callbacks.onClose", onClose);
  return {
    async onSession(session) {
      await handler(session);
      void session.close();
    },
    ...(onError === undefined ? {} : { onError }),
    ...(onClose === undefined ? {} : { onClose }),
  };
}
