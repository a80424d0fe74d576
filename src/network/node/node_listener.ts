// What accepts by node:net, for listeners that need what Deno's own cannot do: to share a port where Deno was started
// without --unstable-net, and to listen on a socket that somebody has handed over.
//
// node:net accepts whether or not anybody waits. So what it has accepted waits here, unread, as it would in the
// system's backlog, and as many as would fit there: whoever comes then is reset. A listener that is full, or has no
// service, takes none of them. One that stops has it accept nothing more and still takes those, which a shared backlog
// would have given to nobody else.

import { createServer, type ListenOptions, type Server, type Socket } from "node:net";
import type { NetworkAddress } from "../../base/address.ts";
import { GenericError } from "../../base/errors.ts";
import { ipVersion } from "../../base/ip_address.ts";
import { bare } from "../../base/options.ts";
import { freedError } from "../free.ts";
import type { AdoptTarget, ListenTarget } from "../network.ts";
import type { Transport, TransportListener } from "../transport.ts";
import { lookUpName } from "./name_lookup.ts";
import { requireNet } from "./net_permission.ts";
import { NodeStream, translated } from "./node_stream.ts";

/** What to listen on by node:net. */
export type NodeListenTarget =
  | Pick<ListenTarget, "hostname" | "port" | "backlog" | "reusePort" | "keepAliveInMillis">
  | Pick<AdoptTarget, "descriptor" | "backlog" | "keepAliveInMillis">;

/**
 * Listens; rejects with what Deno's own sockets would.
 *
 * @param target On what.
 * @throws {GenericError} `"unreachable"`: the descriptor is no socket that can listen.
 */
export async function listenNode(target: NodeListenTarget): Promise<TransportListener> {
  const { backlog } = target;
  const host = "hostname" in target ? await allowedAddress(target.hostname, target.port) : "";
  const server = createServer(bare({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }));
  const options: ListenOptions & { fd?: number; reusePort?: boolean } = "hostname" in target
    ? { host, port: target.port, reusePort: target.reusePort ?? false }
    : { fd: target.descriptor };
  const listener = new NodeListener(server, target);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      // What node:net makes of its options looks for these on Object.prototype, if it has none of its own.
      const blank: object = { backlog, signal: undefined, path: undefined, fd: undefined };
      server.listen(
        bare({ ...blank, ...options, exclusive: true } as object),
        () => {
          server.off("error", reject);
          resolve();
        },
      );
    });
  } catch (error) {
    if ("hostname" in target) throw translated(error as Error);
    throw notListening(target.descriptor, error);
  }
  listener.begin();
  return listener;
}

/**
 * The address to listen on. A missing permission that node:net finds out itself ends the process.
 *
 * @throws {Deno.errors.NotCapable} One is missing: it looks names up only with that for all their ports.
 */
async function allowedAddress(hostname: string, port: number): Promise<string> {
  if (ipVersion(hostname) !== 0) {
    requireNet(hostname, port);
    return hostname;
  }
  requireNet(hostname);
  const { addresses } = await lookUpName(hostname, port, 0);
  const address = addresses[0]!;
  requireNet(address, port);
  return address;
}

function notListening(descriptor: number, cause: unknown): GenericError {
  return new GenericError(
    "unreachable",
    `Cannot listen on descriptor ${descriptor}: it is no listening socket of TCP, and no local one`,
    { cause },
  );
}

/** Hands out what node:net has accepted. */
class NodeListener implements TransportListener {
  readonly isShared: boolean;
  readonly #server: Server;
  readonly #target: NodeListenTarget;
  readonly #held: Socket[] = [];
  #addr: NetworkAddress = { transport: "unix", path: "" };
  #waiting: PromiseWithResolvers<Transport> | undefined;
  #failure: unknown;
  #hasLetGo = false;
  #isClosed = false;

  constructor(server: Server, target: NodeListenTarget) {
    this.#server = server;
    this.#target = target;
    this.isShared = "descriptor" in target;
    server.on("connection", (socket) => this.#onConnection(socket));
  }

  /** It is bound. */
  begin(): void {
    const address = this.#server.address();
    if (address !== null && typeof address === "object") {
      this.#addr = { transport: "tcp", hostname: address.address, port: address.port };
    }
    // Without a listener for it, it would end the process.
    this.#server.on("error", (error) => {
      if (this.#waiting === undefined) this.#failure ??= error;
      else this.#take().reject(error);
    });
  }

  get addr(): NetworkAddress {
    return this.#addr;
  }

  accept(): Promise<Transport> {
    const socket = this.#next();
    if (socket !== undefined) return Promise.resolve(this.#stream(socket));
    if (this.#isClosed) return Promise.reject(freedError());
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  letGo(): number {
    this.#end();
    return this.#held.length;
  }

  close(): void {
    if (this.#isClosed) throw freedError();
    this.#isClosed = true;
    this.#end();
    for (const socket of this.#held.splice(0)) socket.resetAndDestroy();
    if (this.#waiting !== undefined) {
      this.#take().reject(new Deno.errors.Interrupted("operation canceled"));
    }
  }

  #end(): void {
    if (!this.#hasLetGo) this.#server.close();
    this.#hasLetGo = true;
  }

  /** The first that has not gone meanwhile. */
  #next(): Socket | undefined {
    for (let socket = this.#held.shift(); socket !== undefined; socket = this.#held.shift()) {
      if (!socket.destroyed) return socket;
    }
    return undefined;
  }

  #take(): PromiseWithResolvers<Transport> {
    const waiting = this.#waiting!;
    this.#waiting = undefined;
    return waiting;
  }

  #onConnection(socket: Socket): void {
    // It may fail while it waits here; whoever gets it learns that by a read.
    socket.on("error", () => {});
    if (!this.#isKnown(socket)) socket.destroy();
    else if (this.#isClosed) socket.resetAndDestroy();
    else if (this.#waiting !== undefined) this.#take().resolve(this.#stream(socket));
    else if (this.#held.length < this.#target.backlog) this.#held.push(socket);
    else socket.resetAndDestroy();
  }

  /**
   * Whether the address of its peer is known, which node:net remembers once it was asked. That of a client that has
   * reset meanwhile is not, so no guard could judge it; Deno's own sockets do not hand it out, either.
   */
  #isKnown(socket: Socket): boolean {
    return this.#addr.transport === "unix" || socket.remoteAddress !== undefined;
  }

  #stream(socket: Socket): Transport {
    const { keepAliveInMillis } = this.#target;
    if (keepAliveInMillis === "system") socket.setKeepAlive(true);
    else if (keepAliveInMillis !== undefined) socket.setKeepAlive(true, keepAliveInMillis);
    return new NodeStream(socket, { isLocal: this.#addr.transport === "unix" });
  }
}
