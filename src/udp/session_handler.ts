// The user's loop for each session, made into a service that contains its errors.

import { readHandlerCallbacks } from "../connection/handler.ts";
import type { UdpService } from "./udp_service.ts";
import { coreOf } from "./udp_session.ts";
import type { UdpSession } from "./udp_session.ts";

/** Serves one session, which is closed when this returns. */
export type SessionHandler = (session: UdpSession) => void | Promise<void>;

/** Callbacks beside the handler. */
export type SessionHandlerCallbacks = Pick<UdpService, "onStop" | "onError" | "onClose">;

/**
 * Makes a service of a handler.
 *
 * @throws {TypeError} A handler or a callback is not a function.
 */
export function sessionServiceOf(
  handler: SessionHandler,
  callbacks: SessionHandlerCallbacks,
): UdpService {
  return {
    ...readHandlerCallbacks(handler, callbacks),
    async onSession(session) {
      await handler(session);
      coreOf(session).finish();
    },
  };
}
