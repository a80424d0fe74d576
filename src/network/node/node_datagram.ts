// A DatagramSocket over node:dgram, for a Deno that was started without --unstable-net.
//
// node:dgram pushes: it receives all the time, into a new 64 KiB buffer each. So each datagram is copied at once into
// memory of its size and waits here, in a queue with a limit, as it would in the system's buffer; what does not fit
// is dropped and counted. Three of its habits are not passed on: a bind without permission ends the process, a send
// without permission says "UNKNOWN", and a host name is looked up with a permission for all its ports. So permissions
// are asked for first, and names go to the runtime as they are.

import type { Socket, SocketOptions } from "node:dgram";
import type {
  DatagramAddress,
  DatagramSocket,
  DatagramTarget,
  GroupMembership,
} from "../datagram_socket.ts";
import { formatAddress } from "../../base/address.ts";
import { GenericError, ignore } from "../../base/errors.ts";
import { bare } from "../../base/options.ts";
import { lookUpName } from "./name_lookup.ts";
import { refuseDenied, requireNet } from "./net_permission.ts";
import { ipVersion, mappedIp, wantsMappedIps } from "../../base/ip_address.ts";

/** How many bytes wait here until they are received, by default. */
const QUEUE_LIMIT = 4 * 1024 * 1024;
/** What a datagram counts for besides its bytes: about what holding it costs. */
const OVERHEAD = 256;

type Received = [bytes: Uint8Array, from: DatagramAddress];

/** A datagram socket of `node:dgram`. */
class NodeDatagramSocket implements DatagramSocket {
  readonly addr: DatagramAddress;
  readonly #socket: Socket;
  readonly #queueLimit: number;
  readonly #wantsMappedIps: boolean;
  readonly #queue: Received[] = [];
  #queuedBytes = 0;
  #droppedDatagrams = 0;
  #droppedBytes = 0;
  #waiting: { buffer: Uint8Array<ArrayBuffer>; wait: PromiseWithResolvers<Filled> } | undefined;
  /** What rejects each send that was not called back yet. */
  readonly #sending = new Set<(reason: unknown) => void>();
  #failure: unknown;
  #freed: Promise<void> | undefined;

  constructor(socket: Socket, queueLimit: number) {
    this.#socket = socket;
    this.#queueLimit = queueLimit;
    const { address, port } = socket.address();
    this.addr = { transport: "udp", hostname: address, port };
    this.#wantsMappedIps = wantsMappedIps(address, Deno.build.os);
    socket.on("message", (bytes, from) => {
      this.#onMessage(bytes, { transport: "udp", hostname: from.address, port: from.port });
    });
    socket.on("error", (error) => {
      // No receive may be pending: the next one rejects with it.
      if (this.#waiting === undefined) this.#failure ??= error;
      else this.#take().wait.reject(error);
    });
  }

  get droppedDatagrams(): number {
    return this.#droppedDatagrams;
  }

  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  #onMessage(bytes: Uint8Array, from: DatagramAddress): void {
    if (this.#waiting !== undefined) {
      const { buffer, wait } = this.#take();
      try {
        return wait.resolve(fill(buffer, bytes, from));
      } catch (error) {
        // The buffer was transferred away meanwhile. Thrown from here, that would end the process.
        return wait.reject(error);
      }
    }
    if (this.#queue.length > 0 && this.#queuedBytes + bytes.length + OVERHEAD > this.#queueLimit) {
      this.#droppedDatagrams++;
      this.#droppedBytes += bytes.length;
      return;
    }
    this.#queuedBytes += bytes.length + OVERHEAD;
    this.#queue.push([new Uint8Array(bytes), from]);
  }

  #take(): { buffer: Uint8Array<ArrayBuffer>; wait: PromiseWithResolvers<Filled> } {
    const waiting = this.#waiting!;
    this.#waiting = undefined;
    return waiting;
  }

  receive(buffer: Uint8Array<ArrayBuffer>): Promise<Filled> {
    if (this.#freed !== undefined) {
      return Promise.reject(new Deno.errors.BadResource("Socket has been closed"));
    }
    const first = this.#queue.shift();
    if (first !== undefined) {
      this.#queuedBytes -= first[0].length + OVERHEAD;
      return Promise.resolve(fill(buffer, ...first));
    }
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    const wait = Promise.withResolvers<Filled>();
    this.#waiting = { buffer, wait };
    return wait.promise;
  }

  send(bytes: Uint8Array, { hostname, port }: DatagramAddress): Promise<number> {
    // It refuses port 0 and a closed socket by throwing, which rejects here.
    return new Promise((resolve, reject) => {
      const host = this.#wantsMappedIps ? mappedIp(hostname) : hostname;
      this.#socket.send(bytes, port, host, (error, length) => {
        this.#sending.delete(reject);
        if (error === null) return resolve(length);
        whyUnsent(hostname, port, error).then(reject, reject);
      });
      this.#sending.add(reject);
    });
  }

  close(): Promise<void> {
    this.#freed ??= new Promise((resolve) => {
      this.#socket.close(() => {
        const interrupted = new Deno.errors.Interrupted("operation canceled");
        this.#waiting?.wait.reject(interrupted);
        this.#waiting = undefined;
        // One that had not begun is never called back.
        for (const reject of this.#sending) reject(interrupted);
        this.#sending.clear();
        this.#queue.length = 0;
        resolve();
      });
    });
    return this.#freed;
  }

  // deno-lint-ignore require-await -- what it throws becomes a rejection
  async joinGroup({ group, source, networkInterface }: GroupMembership): Promise<void> {
    const here = groupInterface(group, networkInterface);
    if (source === undefined) this.#socket.addMembership(group, here);
    else this.#socket.addSourceSpecificMembership(source, group, here);
  }

  // deno-lint-ignore require-await -- what it throws becomes a rejection
  async leaveGroup({ group, source, networkInterface }: GroupMembership): Promise<void> {
    const here = groupInterface(group, networkInterface);
    if (source === undefined) this.#socket.dropMembership(group, here);
    else this.#socket.dropSourceSpecificMembership(source, group, here);
  }
}

/**
 * Why a datagram could not be sent: node:dgram loses what the runtime says of permissions.
 *
 * @throws {Deno.errors.NotCapable} One is missing.
 */
async function whyUnsent(hostname: string, port: number, error: Error): Promise<Error> {
  requireNet(hostname, port);
  if (ipVersion(hostname) !== 0) return error;
  // The name may be used, and one of its addresses not.
  const { addresses } = await lookUpName(hostname, port, 0).catch(() => NOT_FOUND);
  refuseDenied(addresses, port);
  return error;
}

const NOT_FOUND = { addresses: [] };

type Filled = [Uint8Array<ArrayBuffer>, DatagramAddress];

/** Copies as much as fits, as the system does with a datagram longer than the buffer. */
function fill(buffer: Uint8Array<ArrayBuffer>, bytes: Uint8Array, from: DatagramAddress): Filled {
  const part = bytes.length > buffer.length ? bytes.subarray(0, buffer.length) : bytes;
  buffer.set(part);
  return [buffer.subarray(0, part.length), from];
}

/**
 * The interface of a group, as node:dgram wants it named.
 *
 * @throws {GenericError} `"unsupported"`: the runtime takes no index there, and would join on another interface.
 */
function groupInterface(
  group: string,
  networkInterface: string | number | undefined,
): string | undefined {
  if (!group.includes(":")) return networkInterface as string | undefined;
  if ((networkInterface ?? 0) === 0) return undefined;
  throw new GenericError(
    "unsupported",
    `Cannot join ${group} on interface ${networkInterface}: node:dgram cannot choose the ` +
      "interface of an IPv6 group, start Deno with --unstable-net and pass network: denoNetwork",
  );
}

/**
 * Refuses what the runtime can set only for IPv4.
 *
 * @throws {GenericError} `"unsupported"`.
 */
export function refuseForIpv6({ hostname, port, ...target }: DatagramTarget): void {
  if (!hostname.includes(":")) return;
  if ((target.timeToLive ?? target.multicastTimeToLive) === undefined) return;
  throw new GenericError(
    "unsupported",
    `Cannot bind to ${formatAddress(hostname, port)}: Deno can set a time to live only for IPv4, ` +
      "pass network: linuxNetwork (linux/mod.ts)",
  );
}

/**
 * Binds a datagram socket of `node:dgram`.
 *
 * @param target Where, and how.
 * @param queueLimit How many bytes wait until they are received.
 */
export async function bindNodeDatagram(
  target: DatagramTarget,
  queueLimit: number = QUEUE_LIMIT,
): Promise<DatagramSocket> {
  const { hostname, port, reuseAddress = false } = target;
  refuseForIpv6(target);
  if (hostname.includes(":") && typeof target.multicastInterface === "string") {
    throw new GenericError(
      "unsupported",
      `Cannot set multicastInterface to ${target.multicastInterface}: node:dgram chooses none for ` +
        `IPv4 on "${hostname}"; bind to "0.0.0.0"`,
    );
  }
  requireNet(hostname, port);
  const [dgram, { nextTick }] = await Promise.all([
    import("node:dgram"),
    import("node:process"),
  ]);
  const version = hostname.includes(":") ? 6 : 4;
  let refused: (thrown: unknown) => void = ignore;
  const socket = dgram.createSocket(bare<SocketOptions>({
    type: version === 6 ? "udp6" : "udp4",
    reuseAddr: reuseAddress,
    // Not looked up here, where it would take a permission for all ports: the runtime does it. By
    // nextTick, as all lookups call back: otherwise the socket's "close" event never comes.
    lookup: (host, _, callback) =>
      nextTick(() => {
        try {
          callback(null, host, version);
        } catch (thrown) {
          // That the address of a name is denied is thrown from the bind.
          refused(thrown);
        }
      }),
  }));
  try {
    await new Promise<void>((resolve, reject) => {
      refused = reject;
      socket.once("error", reject);
      socket.bind(bare({ port, address: hostname }), () => {
        socket.off("error", reject);
        resolve();
      });
    });
    // Deno's own sockets always may broadcast; so may these, also an IPv6 one that sends over IPv4.
    socket.setBroadcast(true);
    socket.setMulticastLoopback(target.multicastLoopback ?? true);
    const { timeToLive, multicastTimeToLive, multicastInterface } = target;
    if (timeToLive !== undefined) socket.setTTL(timeToLive);
    if (multicastTimeToLive !== undefined) socket.setMulticastTTL(multicastTimeToLive);
    if (multicastInterface !== undefined) {
      socket.setMulticastInterface(
        version === 6 ? `::%${multicastInterface}` : String(multicastInterface),
      );
    }
  } catch (error) {
    socket.close();
    const { code, message } = error as { code?: string; message: string };
    throw code === "EADDRINUSE" ? new Deno.errors.AddrInUse(message) : error;
  }
  return new NodeDatagramSocket(socket, queueLimit);
}
