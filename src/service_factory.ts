// A service of its own for each connection, where the user wants that.

import { duplexOf } from "./connection.ts";
import { type Caller, checkService, serve, type Service } from "./service.ts";
import { handlerError, printThrown } from "./user_code.ts";

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
    void duplexOf(caller).close(handlerError("The function that makes the service", error));
  }
}
