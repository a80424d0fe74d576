// Options of the system's sockets: what they mean, how they are checked, and what happens where an engine has not got
// one. Configs and the seam's targets have the same fields.
//
// Decision record: an option that an engine passes over is found out when it is needed: a dead peer that nobody
// notices, a second process that cannot bind. So a network lists what its sockets can be set to, and everything else
// is refused by name before anything is opened. A network without a list has none of them.

import { checkPort } from "../base/address.ts";
import { checkBoolean, checkInteger, MAX_INTERVAL_IN_MILLIS, shown } from "../base/arguments.ts";
import { GenericError } from "../base/errors.ts";
import { canonicalIp } from "../base/ip_address.ts";
import { bare, type OptionNames, optionNames, partOf } from "../base/options.ts";

/** How large the system's buffers of a socket are. */
export interface BufferSizeConfig {
  /**
   * How many bytes that were not read yet the system keeps, from 1. The system may give less, and Linux doubles it for
   * its own bookkeeping: `bufferSizes` says what it gave. Setting it switches the system's own adjustment off. Needs
   * `linuxNetwork`.
   *
   * @default what the system chooses
   */
  readonly receiveBufferSize?: number;
  /**
   * How many sent bytes that the peer has not confirmed yet the system keeps, from 1; otherwise as
   * `receiveBufferSize`.
   *
   * @default what the system chooses
   */
  readonly sendBufferSize?: number;
}

/** How the packets of a socket are sent. */
export interface PacketConfig extends BufferSizeConfig {
  /**
   * The type of service (IPv4) or traffic class (IPv6) of each packet, from 0 to 255: its upper six bits are the
   * DSCP, so that DSCP 46 is 184. The lower two are the system's own for TCP. Needs `linuxNetwork`.
   *
   * @default {0}
   */
  readonly typeOfService?: number;
  /**
   * How many routers a packet may pass (IPv4: time to live, IPv6: hop limit), from 1 to 255. Needs `linuxNetwork`; for
   * IPv4 datagrams {@linkcode nodeNetwork} will do.
   *
   * @default what the system chooses
   */
  readonly timeToLive?: number;
  /**
   * Name of the network interface that all packets go through, such as `"eth0"`: at most 15 bytes. What comes through
   * another one is not heard. Needs `linuxNetwork`.
   *
   * @default the system's routes decide
   */
  readonly networkInterface?: string;
}

/** How TCP works on a socket. */
export interface TcpConfig extends PacketConfig {
  /**
   * After how long without a byte the system asks whether the peer is still there, in milliseconds from 1000 to
   * 32_767_000 (Linux rounds up to seconds), or `"system"` for its own time (on Linux two hours,
   * `net.ipv4.tcp_keepalive_time`). A connection whose peer does not answer ends with `"broken"`, if it is being read.
   * A listener on Deno's sockets only has `"system"`: with a number its `start` rejects with `"unsupported"` there.
   *
   * @default never
   */
  readonly keepAliveInMillis?: number | "system";
  /**
   * How long the system waits for the answer until it asks again, in milliseconds from 1000 to 32_767_000 (Linux
   * rounds up to seconds); goes with `keepAliveInMillis`. Needs `linuxNetwork`.
   *
   * @default the system's own, on Linux 75 seconds
   */
  readonly keepAliveIntervalInMillis?: number;
  /**
   * How often the system asks in vain before the peer counts as gone, from 1 to 127; goes with `keepAliveInMillis`.
   * Needs `linuxNetwork`.
   *
   * @default the system's own, on Linux 9
   */
  readonly keepAliveProbes?: number;
  /**
   * How long sent bytes may be without a confirmation until the system ends the connection, in milliseconds: without it
   * Linux sends again and again for about 15 minutes. Where it is less than `keepAliveInMillis` takes, it ends those
   * questions, too. Needs `linuxNetwork`. From 1 to 2_147_483_647.
   *
   * @default what the system chooses
   */
  readonly userTimeoutInMillis?: number;
  /**
   * Whether the first bytes may go out with the first packet (RFC 7413), where both ends allow it
   * (`net.ipv4.tcp_fastopen` on Linux). A client that has met the server before then is connected before the server
   * has answered, and nothing is sent until it writes: so it is for clients that speak first. The first bytes may
   * arrive twice. Needs `linuxNetwork`.
   *
   * @default {false}
   */
  readonly fastOpen?: boolean;
  /**
   * Whether `abort` resets the connection, so that the peer gets an error instead of an end. A listener needs
   * `linuxNetwork`.
   *
   * @default {false}
   */
  readonly resetOnAbort?: boolean;
}

/** All of these options. */
export interface SocketOptions extends TcpConfig {
  /** Whether several processes may listen on the same address: the system gives each its part. */
  readonly reusePort?: boolean;
  /** IP address of this end of a connection that is made. */
  readonly localAddress?: string;
  /** Port of this end. From 1 to 65_535. */
  readonly localPort?: number;
}

/** The name of an option. */
export type SocketOptionName = keyof SocketOptions;

/** What a socket is used for. */
export type SocketUse = "connect" | "listen" | "adopt" | "path" | "datagram";

/** Which options a network's sockets have. */
export interface SupportedOptions {
  /** What to call the network in a message: "Deno's sockets". */
  readonly name: string;
  /** For connections that it makes. */
  readonly connect: ReadonlySet<SocketOptionName>;
  /** For what listens, and what it accepts. */
  readonly listen: ReadonlySet<SocketOptionName>;
  /** The same for a listening socket that somebody has handed over. */
  readonly adopt: ReadonlySet<SocketOptionName>;
  /** For local sockets, of either kind. */
  readonly path: ReadonlySet<SocketOptionName>;
  /** For datagram sockets. */
  readonly datagram: ReadonlySet<SocketOptionName>;
  /**
   * What to do about an option that it has not got, in the words of a message.
   *
   * @default {"pass network: linuxNetwork (linux/mod.ts)"}
   */
  readonly remedy?: string;
}

/** The names of a {@linkcode BufferSizeConfig}. */
export const BUFFER_SIZE_OPTIONS: OptionNames<BufferSizeConfig> = optionNames<BufferSizeConfig>({
  receiveBufferSize: true,
  sendBufferSize: true,
});

/** The names of a {@linkcode PacketConfig}. */
export const PACKET_OPTIONS: OptionNames<PacketConfig> = [
  ...BUFFER_SIZE_OPTIONS,
  ...optionNames<Omit<PacketConfig, keyof BufferSizeConfig>>({
    typeOfService: true,
    timeToLive: true,
    networkInterface: true,
  }),
];

/** The names of a {@linkcode TcpConfig}. */
export const TCP_OPTIONS: OptionNames<TcpConfig> = [
  ...PACKET_OPTIONS,
  ...optionNames<Omit<TcpConfig, keyof PacketConfig>>({
    keepAliveInMillis: true,
    keepAliveIntervalInMillis: true,
    keepAliveProbes: true,
    userTimeoutInMillis: true,
    fastOpen: true,
    resetOnAbort: true,
  }),
];

/** The longest time that Linux has for the questions of keep-alive: 32,767 seconds. */
const MAX_KEEP_ALIVE_IN_MILLIS = 32_767_000;
/** What the name of a network interface has room for, in bytes. */
const MAX_INTERFACE_LENGTH = 15;
const MAX_INT = 2_147_483_647;

const CHECKS: { readonly [Name in SocketOptionName]: (name: Name, value: unknown) => unknown } = {
  receiveBufferSize: (name, value) => checkInteger(name, value, 1, MAX_INT),
  sendBufferSize: (name, value) => checkInteger(name, value, 1, MAX_INT),
  typeOfService: (name, value) => checkInteger(name, value, 0, 255),
  timeToLive: (name, value) => checkInteger(name, value, 1, 255),
  networkInterface: checkInterfaceName,
  keepAliveInMillis: checkKeepAlive,
  keepAliveIntervalInMillis: (name, value) =>
    checkInteger(name, value, 1_000, MAX_KEEP_ALIVE_IN_MILLIS),
  keepAliveProbes: (name, value) => checkInteger(name, value, 1, 127),
  userTimeoutInMillis: (name, value) => checkInteger(name, value, 1, MAX_INTERVAL_IN_MILLIS),
  fastOpen: checkBoolean,
  resetOnAbort: checkBoolean,
  reusePort: checkBoolean,
  localAddress: checkOwnAddress,
  localPort: (name, value) => checkPort(name, value, 1),
};

/** Not a name: which of its addresses would be bound? */
function checkOwnAddress(name: string, value: unknown): string {
  const text = typeof value === "string" ? value.replace(/^\[(.*:.*)\]$/, "$1") : "";
  const address = canonicalIp(text);
  if (address === undefined) {
    throw new TypeError(`${name} must be an IP address: got ${shown(value)}`);
  }
  return address;
}

/**
 * Checks the options of a socket.
 *
 * @param options What `readOptions` gave.
 * @param names Which of its fields.
 * @returns A frozen record without a prototype. It has only what was given.
 * @throws {TypeError | RangeError} A value is wrong, or one goes with another that is missing.
 */
export function resolveSocketOptions<Names extends SocketOptionName>(
  options: Pick<SocketOptions, Names>,
  names: readonly Names[],
): Readonly<Pick<SocketOptions, Names>> {
  const given = partOf<SocketOptions>("config", options, names);
  const checked = bare<SocketOptions>({});
  for (const name of Object.keys(given) as SocketOptionName[]) {
    Object.assign(checked, { [name]: CHECKS[name](name as never, given[name]) });
  }
  for (const name of ["keepAliveIntervalInMillis", "keepAliveProbes"] as const) {
    if (given[name] !== undefined && given.keepAliveInMillis === undefined) {
      throw new TypeError(`${name} must go with keepAliveInMillis`);
    }
  }
  return Object.freeze(checked);
}

/**
 * Refuses what goes only with an address, where a config has a path.
 *
 * @param options What `readOptions` gave.
 * @throws {TypeError} One of them was given.
 */
export function refuseWithPath(options: SocketOptions): void {
  for (const name of Object.keys(CHECKS) as SocketOptionName[]) {
    if (options[name] === undefined || BUFFER_SIZE_OPTIONS.some((local) => local === name)) {
      continue;
    }
    throw new TypeError(`${name} must not go with a path: its peers are on this machine`);
  }
}

/**
 * Refuses what a network's sockets do not have. What is off is never asked for.
 *
 * @param supported What they have; `undefined` where the network does not say.
 * @param use What for.
 * @param options What was asked for, and nothing else.
 * @throws {GenericError} `"unsupported"`, with the option's name.
 */
export function refuseUnsupported(
  supported: SupportedOptions | undefined,
  use: SocketUse,
  options: SocketOptions,
): void {
  for (const name of Object.keys(options) as SocketOptionName[]) {
    if (options[name] === false || supported?.[use].has(name) === true) continue;
    throw unsupportedOption(name, supported);
  }
}

/**
 * Whether a socket shares its port with others that want to.
 *
 * @returns `undefined` where the network cannot do it.
 */
export function sharesPort(
  supported: SupportedOptions | undefined,
  use: "listen" | "datagram",
  { reusePort }: SocketOptions,
): boolean | undefined {
  return supported?.[use].has("reusePort") === true ? reusePort === true : undefined;
}

/**
 * The error for an option that an engine has not got.
 *
 * @param name The option.
 * @param supported What the engine has; `undefined` where it does not say.
 */
export function unsupportedOption(
  name: string,
  supported: Pick<SupportedOptions, "name" | "remedy"> | undefined,
): GenericError {
  const { name: engine = "this network", remedy } = supported ?? {};
  return new GenericError(
    "unsupported",
    `Cannot set ${name}: ${engine} cannot, ${
      remedy ?? "pass network: linuxNetwork (linux/mod.ts)"
    }`,
  );
}

function checkKeepAlive(name: string, value: unknown): number | "system" {
  if (value === "system") return value;
  if (typeof value !== "number") {
    throw new TypeError(`${name} must be a number or "system": got ${shown(value)}`);
  }
  return checkInteger(name, value, 1_000, MAX_KEEP_ALIVE_IN_MILLIS, ' or "system"');
}

function checkInterfaceName(name: string, value: unknown): string {
  const length = typeof value === "string" ? new TextEncoder().encode(value).length : 0;
  // The system knows none that has these.
  const isName = typeof value === "string" && length > 0 && !/[\0/\s]/.test(value);
  if (!isName || length > MAX_INTERFACE_LENGTH) {
    throw new TypeError(
      `${name} must be the name of a network interface, at most ${MAX_INTERFACE_LENGTH} bytes: got ${
        shown(value)
      }`,
    );
  }
  return value;
}
