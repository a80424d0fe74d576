// Tells the service manager that the program is ready, as systemd wants it of a service with Type=notify: one datagram
// to the socket that a variable names.

import { isAbstract, MAX_PATH_LENGTH } from "../base/address.ts";
import { shown } from "../base/arguments.ts";
import { GenericError, ignore } from "../base/errors.ts";
import { setupError } from "../base/setup_error.ts";
import { waitFor } from "./deadline.ts";
import type { Network } from "./network.ts";

const READY = new TextEncoder().encode("READY=1");
const ACTION = "Cannot tell the service manager that it is ready";
/** How long it may be too busy to be told. */
const LONGEST_IN_MILLIS = 5_000;

/**
 * Tells it, where there is one.
 *
 * @param network Sends it.
 * @param stopping Its abort ends the wait without an error: what stops need not be ready.
 * @throws {GenericError} `"unsupported"`: the network cannot, or it is no local socket. `"timed-out"`: the service
 * manager takes no messages. Or why it could not be sent.
 */
export async function tellReady(network: Network, stopping: AbortSignal): Promise<void> {
  const path = notifyPath(Deno.env.get("NOTIFY_SOCKET"));
  if (path === undefined) return;
  if (network.sendToPath === undefined) {
    throw new GenericError(
      "unsupported",
      `${ACTION}: this network sends nothing to local sockets`,
    );
  }
  const limits = {
    clock: network.clock,
    timeoutInMillis: LONGEST_IN_MILLIS,
    signal: stopping,
    timeoutError: () =>
      new GenericError("timed-out", `${ACTION}: it takes no messages (${shown(path)})`),
  };
  try {
    await waitFor(limits, (signal) => network.sendToPath!(path, READY, signal), ignore);
  } catch (cause) {
    if (!stopping.aborted) throw setupError(ACTION, cause);
  }
}

/**
 * The path of its socket.
 *
 * @param variable The value of `NOTIFY_SOCKET`.
 * @returns `undefined` where there is no such variable.
 */
export function notifyPath(variable: string | undefined): string | undefined {
  if (variable === undefined || variable === "") return undefined;
  const path = variable.startsWith("@") ? `\0${variable.slice(1)}` : variable;
  const isPath = isAbstract(path) || path.startsWith("/");
  if (isPath && path.length > 1 && path.length <= MAX_PATH_LENGTH + 1) return path;
  throw new GenericError(
    "unsupported",
    `${ACTION}: NOTIFY_SOCKET is no local socket, ${shown(variable)}`,
  );
}
