// A service of its own for each connection, where the user wants that.

import { shown } from "./arguments.ts";
import { duplexOf } from "./connection.ts";
import { GenericError } from "./errors.ts";
import { type Caller, checkService, printThrown, serve, type Service } from "./service.ts";

/** One service for all connections, or a function that makes one for each. */
export type ServiceOrFactory = Service | ((caller: Caller) => Service | Promise<Service>);

/** Begins to call the service for a connection, or makes the connection's own one first. */
export function serveWith(caller: Caller, service: ServiceOrFactory): void {
  if (typeof service === "function") void serveOwn(caller, service);
  else serve(caller, service);
}

async function serveOwn(
  caller: Caller,
  make: (caller: Caller) => Service | Promise<Service>,
): Promise<void> {
  try {
    const service = checkService(await make(caller));
    if (duplexOf(caller).isOpen) serve(caller, service);
  } catch (error) {
    // There is no service whose onError could be told.
    printThrown(error);
    const reason = error instanceof Error ? error.message : shown(error);
    const message = `The function that makes the service threw: ${reason}`;
    void duplexOf(caller).close(new GenericError("handler", message, { cause: error }));
  }
}
