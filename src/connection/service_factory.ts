// A service of its own for each connection, where the user wants that.

import { duplexOf } from "./connection.ts";
import { type Caller, readService, type Service } from "./service.ts";
import { serve } from "./service_loop.ts";
import { handlerError, printThrown } from "../base/user_code.ts";

/** One service for all connections, or a function that makes one for each. */
export type ServiceOrFactory = Service | ((caller: Caller) => Service | Promise<Service>);

/** Begins to call a service for a connection, or makes the connection's own one first. */
export type Serving = (caller: Caller) => void;

/**
 * Reads what shall be called for connections, once.
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
  try {
    const service = readService(await make(caller));
    if (duplexOf(caller).isOpen) serve(caller, service);
  } catch (error) {
    // There is no service whose onError could be told.
    printThrown(error);
    void duplexOf(caller).close(handlerError("The function that makes the service", error));
  }
}
