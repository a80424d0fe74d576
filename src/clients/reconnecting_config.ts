// The config of a client that redials: where to, how, and who is told; read and checked once.

import { checkBoolean, checkFunction, checkInterval, shown } from "../base/arguments.ts";
import { optionNames, partOf, readList, readOptions, withOptions } from "../base/options.ts";
import type { Client } from "../connection/client.ts";
import {
  type AnyClientConfig,
  CLIENT_INNER,
  type ClientConfig,
  HOST_OPTIONS,
  type HostsClientConfig,
  type LocalClientConfig,
  resolveClientConfig,
  type ServiceClientConfig,
} from "../connection/client_config.ts";
import { aboutAsked } from "../connection/client_event.ts";
import type { Attributes } from "../events/otel_api.ts";
import type { Clock } from "../network/network.ts";
import { checkRedial, REDIAL_OPTIONS, type RedialConfig, type RedialSettings } from "./backoff.ts";
import { DIAL_OPTIONS, type DialOptions } from "./dial_options.ts";
import type { ClientState, Setback } from "./client_state.ts";

/** One of several places to connect to. */
export type ReconnectingTarget =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

/** Where to connect to, how, and when to do it again. */
export interface ReconnectingClientConfig extends
  Omit<
    Partial<ClientConfig & HostsClientConfig & ServiceClientConfig & LocalClientConfig>,
    "callbackService" | "signal"
  >,
  RedialConfig {
  /**
   * Several places instead of one: when one fails, or a login there, the next one is tried after a pause. (`hosts` are
   * tried all in one attempt.) Where some are hosts, options that do not go with a path, such as `via` and
   * `keepAliveInMillis`, are for those.
   */
  readonly targets?: readonly ReconnectingTarget[];
  /**
   * Whether the targets are tried in a new random order each time. Otherwise they are tried as given, from the first
   * one on whenever a connection was lost.
   *
   * @default {false}
   */
  readonly shuffleTargets?: boolean;
  /**
   * Called with each new connection before anybody else gets it: the place to log in. The connection is used when what
   * it returns has settled. Where it throws or rejects, the connection is aborted, which counts as a failure.
   */
  readonly onUp?: (client: Client) => unknown;
  /**
   * How long `onUp` may take, in milliseconds from 1, or `Infinity`.
   *
   * @default {30_000}
   */
  readonly prepareTimeoutInMillis?: number;
  /** Told of each failure and each end of a connection, when it will dial again. */
  readonly onDown?: (setback: Setback) => unknown;
  /** Told of each change of {@linkcode ReconnectingClient.state}. */
  readonly onState?: (state: ClientState) => unknown;
  /** Its abort is {@linkcode ReconnectingClient.abort} with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The checked config of a client that redials. */
export interface ReconnectingSettings {
  /** Each as a config of a client, and by its name. */
  readonly targets: readonly DialTarget[];
  readonly shuffleTargets: boolean;
  /** Whether each connection needs the port of the one before. */
  readonly hasLocalPort: boolean;
  readonly redial: RedialSettings;
  readonly clock: Clock;
  readonly closeTimeoutInMillis: number;
  readonly prepareTimeoutInMillis: number;
  readonly onUp: ((client: Client) => unknown) | undefined;
  readonly onDown: ((setback: Setback) => unknown) | undefined;
  readonly onState: ((state: ClientState) => unknown) | undefined;
  /** Whether OpenTelemetry is told. */
  readonly telemetry: boolean;
  readonly signal: AbortSignal | undefined;
}

/** A place to dial. */
export interface DialTarget {
  readonly name: string;
  /** What numbers about it are about. */
  readonly attributes: Attributes;
  readonly config: AnyClientConfig;
}

const OPTIONS = [
  ...DIAL_OPTIONS,
  ...REDIAL_OPTIONS,
  ...optionNames<Omit<ReconnectingClientConfig, keyof DialOptions | keyof RedialConfig>>({
    targets: true,
    shuffleTargets: true,
    onUp: true,
    prepareTimeoutInMillis: true,
    onDown: true,
    onState: true,
    signal: true,
  }),
];

/** Reads the config of a client that redials, each field once, checks it and fills in the defaults. */
export function resolveReconnecting(config: ReconnectingClientConfig): ReconnectingSettings {
  const options = readOptions<ReconnectingClientConfig>("config", config, OPTIONS, CLIENT_INNER);
  const { shuffleTargets = false, prepareTimeoutInMillis = 30_000, signal } = options;
  const dial = partOf<DialOptions>("config", options, DIAL_OPTIONS);
  const configs = options.targets === undefined ? [dial] : targetsOf(dial, options.targets);
  // Each is checked as a client would, the signal too.
  const resolved = configs.map((config) =>
    resolveClientConfig(withOptions(config, { signal }) as AnyClientConfig)
  );
  const { network, connection, watch } = resolved[0]!;
  return {
    targets: configs.map((config, i) => {
      const { name, asked } = resolved[i]!.destination;
      return {
        name,
        attributes: aboutAsked(asked),
        config: config as AnyClientConfig,
      };
    }),
    shuffleTargets: checkBoolean("shuffleTargets", shuffleTargets),
    hasLocalPort: dial.localPort !== undefined,
    redial: checkRedial(options),
    clock: network.clock,
    closeTimeoutInMillis: connection.closeTimeoutInMillis,
    prepareTimeoutInMillis: checkInterval("prepareTimeoutInMillis", prepareTimeoutInMillis),
    onUp: checkFunction("onUp", options.onUp),
    onDown: checkFunction("onDown", options.onDown),
    onState: checkFunction("onState", options.onState),
    telemetry: watch.telemetry,
    signal,
  };
}

const PLACES = ["host", "hosts", "srv", "port", "path"] as const;
const TARGET_OPTIONS = ["host", "port", "path"] as const;

function targetsOf(dial: Readonly<DialOptions>, given: unknown): Readonly<DialOptions>[] {
  if (PLACES.some((name) => dial[name] !== undefined)) {
    throw new TypeError("config must have targets, or another place to connect to, not both");
  }
  const targets = readList("targets", given);
  if (targets.length === 0) throw new TypeError(`targets must not be empty: got ${shown(given)}`);
  const places = targets.map((target, i) =>
    readOptions<DialOptions>(`targets[${i}]`, target as DialOptions, TARGET_OPTIONS)
  );
  // Where all are paths, what is only for hosts is a mistake.
  const hasHost = places.some(({ host }) => host !== undefined);
  const forPaths = hasHost ? withOptions(dial, NO_HOST_OPTIONS) : dial;
  return places.map((place) => withOptions(isPath(place) ? forPaths : dial, place));
}

const NO_HOST_OPTIONS = Object.fromEntries(HOST_OPTIONS.map((name) => [name, undefined]));

function isPath({ host, port, path }: DialOptions): boolean {
  return path !== undefined && host === undefined && port === undefined;
}
