// A listener that is ready for its clients.

import { Listener, type ListenerConfig } from "../../mod.ts";

/** Starts a listener: on a path where there is one, else on a port of 127.0.0.1 that the system chooses. */
export async function listening(
  service: Parameters<Listener["attach"]>[0],
  config: ListenerConfig = {},
): Promise<Listener> {
  const place = config.path === undefined ? { interface: "127.0.0.1" } : {};
  const listener = new Listener(0, { ...place, ...config });
  listener.attach(service);
  await listener.start();
  return listener;
}
