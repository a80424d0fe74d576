// A proxy of HTTP for tests: it connects to whatever is asked for, and keeps the requests.

import { Client, Listener, type ListenerConfig, relay } from "../../mod.ts";

/** A running proxy. `await using` ends it. */
export interface HttpProxy extends AsyncDisposable {
  readonly port: number;
  /** Its URL, without credentials. */
  readonly url: string;
  /** The head of each request, in the order in which they came. */
  readonly requests: readonly string[];
}

/**
 * Starts one.
 *
 * @param answer What it sends once it is connected, before what the target sends.
 */
export async function httpProxy(
  answer = "HTTP/1.1 200 OK\r\n\r\n",
  config: ListenerConfig = {},
): Promise<HttpProxy> {
  const requests: string[] = [];
  const listener = new Listener(0, { interface: "127.0.0.1", ...config });
  await listener.serve(async (caller) => {
    const [bytes] = await caller.readUntil("\r\n\r\n");
    const head = new TextDecoder().decode(bytes);
    requests.push(head);
    const { hostname: host, port } = new URL(`http://${/^CONNECT (\S+)/.exec(head)![1]!}`);
    const target = await Client.connect({ host, port: Number(port) });
    await caller.write(answer);
    await relay(caller, target);
  }, { onError() {} });
  const url = `${config.secureSocket === undefined ? "http://127.0.0.1" : "https://localhost"}` +
    `:${listener.port}`;
  return {
    port: listener.port,
    url,
    requests,
    [Symbol.asyncDispose]: () => listener.immediateStop(),
  };
}

/** A proxy that says something else than that it is connected. @param isPatient Whether it waits after that. */
export async function refusingProxy(answer: string, isPatient = false): Promise<Listener> {
  const proxy = new Listener(0, { interface: "127.0.0.1" });
  await proxy.serve(async (caller) => {
    await caller.readUntil("\r\n\r\n");
    await caller.write(answer);
    if (isPatient) await caller.read(1);
  }, { onError() {} });
  return proxy;
}

/** The URL of a proxy, with a user name and a password that must not be told. */
export const secretUrl = ({ port }: { readonly port: number }) =>
  `http://me:hunter2@127.0.0.1:${port}`;
