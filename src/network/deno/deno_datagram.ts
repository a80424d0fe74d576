// A DatagramSocket over Deno.DatagramConn, which needs --unstable-net.
//
// What the runtime cannot do is refused when the socket is made, not ignored: that a datagram went further than
// asked, or to another interface, should not be found out later.

import { GenericError } from "../../base/errors.ts";
import { bare } from "../../base/options.ts";
import { ipVersion, mappedIp, wantsMappedIps } from "../../base/ip_address.ts";
import { refuseForIpv6 } from "../node/node_datagram.ts";
import type {
  DatagramAddress,
  DatagramSocket,
  DatagramTarget,
  GroupMembership,
} from "../datagram_socket.ts";

/** What the runtime gives for a group that was joined. */
interface Membership {
  leave(): Promise<void>;
  setTTL?(timeToLive: number): Promise<void>;
}

/** What the runtime's sockets have besides, as its listeners do. */
interface Held {
  ref(): void;
  unref(): void;
}

/**
 * A group that every host is always in, so that joining sends nothing, on the interface that every host has: only a
 * membership can set the multicast TTL.
 */
const ALL_HOSTS = "224.0.0.1";
const LOOPBACK = "127.0.0.1";

/** Refuses what only another engine can do. */
function refuse(what: string): never {
  throw new GenericError(
    "unsupported",
    `Cannot set ${what}: Deno's own datagram sockets cannot, pass network: nodeNetwork`,
  );
}

/** Deno's own datagram socket. */
export class DenoDatagramSocket implements DatagramSocket {
  readonly addr: DatagramAddress;
  readonly #conn: Deno.DatagramConn & Held;
  readonly #memberships = new Map<string, Promise<Membership>>();
  readonly #wantsMappedIps: boolean;

  /**
   * @param conn A UDP socket of the runtime.
   * @param system The operating system.
   */
  constructor(conn: Deno.DatagramConn, system: string) {
    this.#conn = conn as Deno.DatagramConn & Held;
    this.addr = conn.addr as DatagramAddress;
    this.#wantsMappedIps = wantsMappedIps(this.addr.hostname, system);
  }

  receive(buffer: Uint8Array<ArrayBuffer>): Promise<[Uint8Array<ArrayBuffer>, DatagramAddress]> {
    return this.#conn.receive(buffer) as Promise<[Uint8Array<ArrayBuffer>, DatagramAddress]>;
  }

  send(bytes: Uint8Array, address: DatagramAddress): Promise<number> {
    if (!this.#wantsMappedIps) return this.#conn.send(bytes, address);
    return this.#conn.send(bytes, { ...address, hostname: mappedIp(address.hostname) });
  }

  holdProgram(isHeld: boolean): void {
    if (isHeld) this.#conn.ref();
    else this.#conn.unref();
  }

  close(): void {
    this.#conn.close();
  }

  async joinGroup(membership: GroupMembership): Promise<void> {
    const { group, networkInterface, source } = membership;
    if (source !== undefined) refuse("the source of a group");
    const key = keyOf(membership);
    const joining: Promise<Membership> = ipVersion(group) === 6
      ? this.#conn.joinMulticastV6(group, Number(networkInterface ?? 0))
      : this.#conn.joinMulticastV4(group, String(networkInterface ?? "0.0.0.0"));
    // Known at once: a leave that comes before it is made waits for it.
    this.#memberships.set(key, joining);
    try {
      await joining;
    } catch (error) {
      if (this.#memberships.get(key) === joining) this.#memberships.delete(key);
      throw error;
    }
  }

  async leaveGroup(membership: GroupMembership): Promise<void> {
    const key = keyOf(membership);
    const joining = this.#memberships.get(key)!;
    this.#memberships.delete(key);
    await (await joining).leave();
  }

  /** How far datagrams to IPv4 groups may go. */
  async setMulticastTimeToLive(timeToLive: number): Promise<void> {
    const joined: Membership = await this.#conn.joinMulticastV4(ALL_HOSTS, LOOPBACK);
    await joined.setTTL!(timeToLive);
    await joined.leave();
  }
}

function keyOf({ group, networkInterface }: GroupMembership): string {
  return `${group} ${networkInterface ?? ""}`;
}

/**
 * Binds one.
 *
 * @param bind Makes the runtime's socket: passed in by the room that may name it.
 * @param target Where, and how.
 * @param system The operating system.
 */
export function bindDenoDatagram(
  bind: (options: Deno.UdpListenOptions & { transport: "udp" }) => Deno.DatagramConn,
  target: DatagramTarget,
  system: string = Deno.build.os,
): DatagramSocket | Promise<DatagramSocket> {
  const { hostname, port, reuseAddress, multicastLoopback, multicastTimeToLive } = target;
  refuseForIpv6(target);
  if (target.timeToLive !== undefined) refuse("timeToLive");
  if (target.multicastInterface !== undefined) refuse("multicastInterface");
  const socket = new DenoDatagramSocket(
    bind(bare({
      transport: "udp",
      hostname,
      port,
      reuseAddress: reuseAddress ?? false,
      loopback: multicastLoopback ?? true,
    })),
    system,
  );
  if (multicastTimeToLive === undefined) return socket;
  return socket.setMulticastTimeToLive(multicastTimeToLive).then(() => socket, (error) => {
    socket.close();
    throw error;
  });
}
