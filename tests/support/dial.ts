// A client of a server on this machine.

import { Client, type ClientConfig } from "../../mod.ts";

/** Connects over loopback to a listener, or to whatever else has that port. */
export function dial(
  { port }: { readonly port: number },
  config: Partial<ClientConfig> = {},
): Promise<Client> {
  return Client.connect({ host: "127.0.0.1", port, ...config });
}
