// One service for all connections, or one of its own for each.

import { coreOf } from "./connection.ts";
import { type Caller, readService, type Service } from "./service.ts";
import { serve } from "./service_loop.ts";
import type { SocketError } from "../base/errors.ts";
import { ownService } from "../base/service_methods.ts";

/** One service for all connections, or a function that makes one for each. */
export type ServiceOrFactory = Service | ((caller: Caller) => Service | Promise<Service>);

/** Begins to call a service for a connection, or first makes one for that connection. */
export type Serving = (caller: Caller) => void;

/**
 * Reads a service or a function that makes them, once.
 *
 * @throws {TypeError} It is neither a function nor a service.
 */
export function readServing(service: ServiceOrFactory): Serving {
  if (typeof service === "function") return (caller) => void serveOwn(caller, service);
  const methods = readService(service);
  return (caller) => serve(caller, methods);
}

async function serveOwn(
  caller: Caller,
  make: (caller: Caller) => Service | Promise<Service>,
): Promise<void> {
  const core = coreOf(caller);
  const refuse = (error: SocketError) => void core.close(error);
  const service = await ownService(make, caller, readService, refuse);
  if (service !== undefined && core.isOpen) serve(caller, service);
}
