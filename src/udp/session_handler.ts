// A loop of the user's for each session, contained: as a service, whose method for sessions it is.

import { checkFunction, shown } from "../base/arguments.ts";
import { optionNames, readOptions } from "../base/options.ts";
import type { UdpService } from "./udp_service.ts";
import type { UdpSession } from "./udp_session.ts";

/** What serves one session; it closes when this returns. */
export type SessionHandler = (session: UdpSession) => void | Promise<void>;

/** What is called besides a session's handler. */
export type SessionHandlerCallbacks = Pick<UdpService, "onError" | "onClose">;

const CALLBACKS = optionNames<SessionHandlerCallbacks>({ onError: true, onClose: true });

/**
 * Makes a service of a handler.
 *
 * @throws {TypeError} One of them is none.
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
