// Where a client goes to: hosts, a service or a path, by way of proxies or directly. Read from its config, and reached.
//
//   service --> hosts --> each: its proxies --> its addresses --> a stream, through the proxies
//
// Whatever is not asked for is left to the network: it looks a name up and tries its addresses by itself.

import { type Address, formatAddress, hostAt, portAt } from "../base/address.ts";
import { GenericError, type SocketError } from "../base/errors.ts";
import { setupError } from "../base/setup_error.ts";
import { withOptions } from "../base/options.ts";
import { dial, dialEach } from "../network/dial.ts";
import { free } from "../network/free.ts";
import { checkMade, checkResolved } from "../network/made.ts";
import type { Network, Transport } from "../network/network.ts";
import { refuseUnsupported, type SocketOptions } from "../network/socket_options.ts";
import { tunnel } from "../via/tunnel.ts";
import type { ViaSettings } from "../via/via.ts";
import type { LookupSettings } from "./lookup.ts";
import type { Asked } from "./client_event.ts";
import { hostsOf } from "./service_hosts.ts";

/** What was reached. */
export interface Reached {
  /** The stream to it. */
  readonly transport: Transport;
  /** The host that answered, which its certificate must be valid for; a path has none. */
  readonly host: string | undefined;
  /** Where a tunnel leads to, where the stream is one. */
  readonly tunnelled: Address | undefined;
}

/** Where a client goes to. */
export interface Destination {
  /** The host that the certificate is expected to be for, where it is known before. */
  readonly host: string | undefined;
  /** Its name in messages. */
  readonly name: string;
  /**
   * The first host, or the name of the service: what events say of it while it is not reached, and what telemetry
   * always says.
   */
  readonly asked: Asked;
  /** Connects. */
  reach(network: Network, signal: AbortSignal): Promise<Reached>;
}

/** The hosts of a client, and how they are reached. */
export interface RouteSettings {
  /** In the order in which they are tried; the name of a service instead. */
  readonly hosts: readonly Address[] | string;
  /** What else is asked of the stream. */
  readonly stream: SocketOptions;
  /** Which addresses of a name are tried first. */
  readonly family: 4 | 6 | undefined;
  /** Looks names up instead of the network. */
  readonly lookup: LookupSettings | undefined;
  /** By way of which proxies. */
  readonly via: ViaSettings | undefined;
}

/** The way to one of several hosts. */
export class Route implements Destination {
  readonly #settings: RouteSettings;

  /** @param settings The hosts, and how they are reached. */
  constructor(settings: RouteSettings) {
    this.#settings = settings;
  }

  get host(): string {
    const { hosts } = this.#settings;
    // A name server may be lied to: the certificate is for the domain that was asked for, not for what it answered.
    return typeof hosts === "string" ? domainOf(hosts) : hosts[0]!.host;
  }

  get name(): string {
    const { hosts } = this.#settings;
    if (typeof hosts === "string") return hosts;
    const names = hosts.slice(0, 3).map(({ host, port }) => formatAddress(host, port));
    return hosts.length > 3 ? `${names.join(", ")}, ...` : names.join(", ");
  }

  get asked(): Asked {
    const { hosts } = this.#settings;
    if (typeof hosts === "string") return { transport: "tcp", address: hosts, port: 0 };
    const { host, port } = hosts[0]!;
    return { transport: "tcp", address: host, port };
  }

  async reach(network: Network, signal: AbortSignal): Promise<Reached> {
    const { hosts, stream } = this.#settings;
    refuseUnsupported(network.socketOptions, "connect", stream);
    const isService = typeof hosts === "string";
    const places = isService ? await hostsOf(hosts, network, signal) : hosts;
    const reach = (place: Address, signal: AbortSignal) => this.#reachHost(place, network, signal);
    const reached = places.length === 1
      ? await reach(places[0]!, signal)
      : await dialEach(places, signal, {
        clock: network.clock,
        dial: reach,
        discard: ({ transport }) => free(transport),
      });
    return isService ? { ...reached, host: this.host } : reached;
  }

  async #reachHost(target: Address, network: Network, signal: AbortSignal): Promise<Reached> {
    const servers = await this.#settings.via?.(target);
    signal.throwIfAborted();
    const action = `Cannot connect to ${formatAddress(target.host, target.port)}`;
    try {
      if (servers === undefined) {
        const transport = await this.#connect(target, network, signal);
        return { transport, host: target.host, tunnelled: undefined };
      }
      const through = async (place: Address, signal: AbortSignal) => {
        const first = await this.#connect(servers[0]!, network, signal).catch((cause) => {
          const proxy = `cannot connect to the proxy ${servers[0]!.name}`;
          throw signal.aborted ? cause : this.#failed(`${action}: ${proxy}`, cause);
        });
        return await tunnel(first, servers, place, network, signal);
      };
      // The last proxy looks the name up, unless the user wants to and it is not one that always does.
      const { lookup, family } = this.#settings;
      const isLookedUp = lookup !== undefined && servers.at(-1)!.kind !== "socks5h";
      const transport = isLookedUp
        ? await dial({ hosts: [target.host], port: target.port, family, signal }, {
          clock: network.clock,
          lookUp: (host, _, family) => lookup(host, family, signal),
          dial: (host, signal) => through({ host, port: target.port }, signal),
          discard: free,
        })
        : await through(target, signal);
      return { transport, host: target.host, tunnelled: target };
    } catch (cause) {
      throw signal.aborted ? cause : this.#failed(action, cause);
    }
  }

  #failed(action: string, cause: unknown): SocketError {
    const { localAddress: localHost, localPort } = this.#settings.stream;
    return setupError(action, cause, { localHost, localPort });
  }

  /** Connects directly. */
  async #connect({ host, port }: Address, network: Network, signal: AbortSignal) {
    const { stream, family, lookup } = this.#settings;
    const connect = async (hostname: string, signal: AbortSignal) =>
      checkMade(
        "Transport",
        await network.connect(withOptions(stream, { hostname, port, signal })),
      );
    const { localAddress } = stream;
    const transport = lookup === undefined && family === undefined
      ? await connect(host, signal)
      : await dial({ hosts: [host], port, localAddress, family, signal }, {
        clock: network.clock,
        lookUp: async (host, port, family) => {
          if (lookup !== undefined) return await lookup(host, family, signal);
          return checkResolved(await network.resolveName?.(host, port, family));
        },
        dial: connect,
        discard: free,
      });
    if (isItsOwnPeer(transport)) {
      free(transport);
      // The system gave this end the very port that was to be reached, so the connection met itself.
      throw new GenericError(
        "unreachable",
        `Cannot connect to ${formatAddress(host, port)}: nothing listens there but this end itself`,
      );
    }
    return transport;
  }
}

/** The domain of a service: `example` of `_redis._tcp.example`. */
function domainOf(service: string): string {
  return service.split(".").slice(2).join(".");
}

/** Whether both ends are the same. */
function isItsOwnPeer(transport: Transport): boolean {
  const port = portAt(transport, "localAddr");
  return port !== 0 && port === portAt(transport, "remoteAddr") &&
    hostAt(transport, "localAddr") === hostAt(transport, "remoteAddr");
}
