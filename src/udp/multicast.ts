// Multicast groups of a socket: checked, joined once, left as they were joined.

import { codeOf, GenericError, ignore, isA, isResourceError, reasonOf } from "../base/errors.ts";
import { setupError } from "../base/setup_error.ts";
import { shown } from "../base/arguments.ts";
import { checkHost } from "../base/address.ts";
import { ipVersion, isMulticast } from "../base/ip_address.ts";
import type { GroupMembership } from "../network/network.ts";
import { bare, optionNames, readOptions } from "../base/options.ts";
import { checkInterface } from "./udp_config.ts";
import type { UdpSocket } from "./udp_socket.ts";

/** On which interface a multicast group is heard, and which sender. */
export interface GroupOptions {
  /**
   * The network interface: for an IPv4 group its IP address, for an IPv6 group its index, up to 2_147_483_647.
   * If it is left out, or 0, the system chooses.
   */
  readonly interface?: string | number;
  /** Hears only what this IPv4 address sends to the group. Needs {@linkcode nodeNetwork}. */
  readonly source?: string;
}

const GROUP_OPTIONS = optionNames<GroupOptions>({ interface: true, source: true });

function checkMembership(group: unknown, options: GroupOptions): GroupMembership {
  const address = checkHost("group", group);
  const version = ipVersion(address);
  if (version === 0 || !isMulticast(address)) {
    throw new RangeError(
      `group must be a multicast address, from 224.0.0.0 to 239.255.255.255 or ff00::/8: got ${
        shown(group)
      }`,
    );
  }
  if (address.includes("%")) {
    throw new RangeError(
      `group must have no zone, the option interface has the index instead: got ${shown(group)}`,
    );
  }
  const { interface: given, source } = readOptions<GroupOptions>(
    "options",
    options,
    GROUP_OPTIONS,
  );
  const networkInterface = given === undefined ? undefined : checkInterface("interface", given);
  if (
    networkInterface !== undefined && (typeof networkInterface === "number") !== (version === 6)
  ) {
    throw new TypeError(
      `interface must be ${
        version === 6 ? "an index for an IPv6 group" : "an IPv4 address for an IPv4 group"
      }: got ${shown(networkInterface)}`,
    );
  }
  const from = source === undefined ? undefined : checkHost("source", source);
  if (from !== undefined && (version === 6 || ipVersion(from) !== 4)) {
    throw new TypeError(`source must be an IPv4 address, of an IPv4 group: got ${shown(source)}`);
  }
  return bare({
    group: address,
    ...(networkInterface === undefined ? {} : { networkInterface }),
    ...(from === undefined ? {} : { source: from }),
  });
}

/** The groups of one socket. */
export class MulticastGroups {
  readonly #socket: UdpSocket;
  readonly #joined = new Set<string>();
  /** Resolves when the last call has ended. */
  #last = Promise.resolve();

  /** @param socket The socket that hears them. */
  constructor(socket: UdpSocket) {
    this.#socket = socket;
  }

  /** Joins a group. */
  join(group: string, options: GroupOptions): Promise<void> {
    return this.#inOrder(group, options, (membership) => this.#join(membership));
  }

  /** Leaves a group. Closing the socket leaves it, too. */
  leave(group: string, options: GroupOptions): Promise<void> {
    const wasOpen = !this.#socket.isEnding;
    return this.#inOrder(group, options, (membership) =>
      this.#leave(membership).catch((error) => {
        if (!wasOpen || codeOf(error) !== "closed") throw error;
      }));
  }

  /** Reads the arguments at once. The calls run one after the other, awaited or not. */
  #inOrder(
    group: string,
    options: GroupOptions,
    work: (membership: GroupMembership) => Promise<void>,
  ): Promise<void> {
    const promise = new Promise<void>((resolve, reject) => {
      const membership = checkMembership(group, options);
      this.#last = this.#last.then(() => work(membership)).then(resolve, (error) => {
        // It was closed, which has left all groups: no error for a caller that does not wait.
        if (codeOf(error) === "closed") promise.catch(ignore);
        reject(error);
      });
    });
    return promise;
  }

  async #join(membership: GroupMembership): Promise<void> {
    const action = `Cannot join ${membership.group}`;
    const engine = await this.#socket.socket("join a group");
    if (engine.joinGroup === undefined) throw noMulticast(action);
    const key = JSON.stringify(membership);
    if (this.#joined.has(key)) throw new GenericError("busy", `${action}: already joined`);
    this.#joined.add(key);
    this.#socket.hearsGroups = true;
    try {
      await engine.joinGroup(membership);
    } catch (error) {
      const before = this.#joined.size - 1;
      this.#forget(key);
      throw familyError(action, membership.group, this.#socket.local.host, error) ??
        tooManyError(action, before, error) ?? setupError(action, error);
    }
  }

  async #leave(membership: GroupMembership): Promise<void> {
    const action = `Cannot leave ${membership.group}`;
    const engine = await this.#socket.socket("leave a group");
    if (engine.leaveGroup === undefined) throw noMulticast(action);
    if (!this.#forget(JSON.stringify(membership))) {
      throw new TypeError(`${action}: it was not joined that way`);
    }
    try {
      await engine.leaveGroup(membership);
    } catch (error) {
      throw setupError(action, error);
    }
  }

  #forget(key: string): boolean {
    const wasJoined = this.#joined.delete(key);
    this.#socket.hearsGroups = this.#joined.size > 0;
    return wasJoined;
  }
}

/** The system's own word for a group of the other family, "EINVAL", does not say what to do. */
function familyError(
  action: string,
  group: string,
  host: string,
  cause: unknown,
): GenericError | undefined {
  const version = ipVersion(group);
  if (version === ipVersion(host) || isMissingInterface(cause)) return undefined;
  const message = `${action}: this engine hears no IPv${version} groups on "${host}"; bind to "${
    version === 4 ? "0.0.0.0" : "::"
  }"`;
  return new GenericError("unsupported", message, { cause });
}

/** Fewer no system refuses, unless its limit was lowered. */
const FEWEST_THAT_ARE_MANY = 20;

/** A socket may be in so many groups only: 20 of IPv4 on Linux. Some engines make an "EINVAL" of what the system says. */
function tooManyError(action: string, joined: number, cause: unknown): GenericError | undefined {
  const isVague = joined >= FEWEST_THAT_ARE_MANY && reasonOf(cause).includes("EINVAL");
  if (!isVague && !isResourceError(cause)) return undefined;
  const message =
    `${action}: the system lets no socket be in more groups than the ${joined} it is in ` +
    "(Linux: raise net.ipv4.igmp_max_memberships), use another socket for it";
  return new GenericError("limit", message, { cause });
}

/** Whether the system knows the family, but not the interface. Some engines give only its words. */
function isMissingInterface(error: unknown): boolean {
  return isA(Deno.errors.AddrNotAvailable, error) || /^No such device/.test(reasonOf(error));
}

function noMulticast(action: string): GenericError {
  return new GenericError("unsupported", `${action}: this network has no multicast`);
}
