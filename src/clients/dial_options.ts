// How a client dials by itself, again and again: as any client, but that nobody hands it a service or a signal for one
// attempt.

import {
  CLIENT_OPTIONS,
  type ClientConfig,
  type HostsClientConfig,
  type LocalClientConfig,
  type ServiceClientConfig,
} from "../connection/client_config.ts";

/** What a client may be configured by. */
export type DialOptions = Omit<
  Partial<ClientConfig & HostsClientConfig & ServiceClientConfig & LocalClientConfig>,
  "callbackService" | "signal"
>;

/** The fields of {@linkcode DialOptions}. */
export const DIAL_OPTIONS = CLIENT_OPTIONS.filter((name) =>
  name !== "callbackService" && name !== "signal"
) as (keyof DialOptions)[];
