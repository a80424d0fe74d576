// Tells the service manager that the program is ready, as systemd wants it of a service with Type=notify: one datagram
// to the socket that a variable names.

import { isAbstract, MAX_PATH_LENGTH } from "../base/address.ts";
import { shown } from "../base/arguments.ts";
import { GenericError } from "../base/errors.ts";
import type { Network } from "./network.ts";

const READY = new TextEncoder().encode("READY=1");

/**
 * Tells it, where there is one.
 *
 * @param network Sends it.
 * @throws {GenericError} `"unsupported"`: the network cannot, or it is no local socket.
 * @throws {unknown} It could not be sent.
 */
export async function tellReady(network: Network): Promise<void> {
  const path = notifyPath(Deno.env.get("NOTIFY_SOCKET"));
  if (path === undefined) return;
  if (network.sendToPath === undefined) {
    throw new GenericError(
      "unsupported",
      "Cannot tell the service manager that it is ready: this network sends nothing to local sockets",
    );
  }
  await network.sendToPath(path, READY);
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
    `Cannot tell the service manager that it is ready: NOTIFY_SOCKET is no local socket, ${
      shown(variable)
    }`,
  );
}
