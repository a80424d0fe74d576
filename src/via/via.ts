// By way of which proxies a client connects: one, a chain of them, or those that a function chooses.

import type { Address } from "../base/address.ts";
import { GenericError } from "../base/errors.ts";
import { readList } from "../base/options.ts";
import { isRevoked } from "../base/runtime_kind.ts";
import { attempt, handlerError } from "../base/user_code.ts";
import { ProxyServer, type ProxyServerConfig } from "./proxy_server.ts";

/** A proxy by its URL or with options, or a chain of them: the first one is connected to, each leads to the next. */
export type Via = string | ProxyServerConfig | readonly (string | ProxyServerConfig)[];

/**
 * Chooses the proxies for a target; `undefined` connects to it directly. Called for each host that is tried, within
 * `connectTimeoutInMillis`.
 */
export type ChooseVia = (target: Address) => Via | undefined | Promise<Via | undefined>;

/** The proxies for a target, if there are any. */
export type ViaSettings = (target: Address) => Promise<readonly ProxyServer[] | undefined>;

/**
 * Reads and checks what a user has passed.
 *
 * @throws {TypeError | RangeError} It is none of those; the message does not quote a URL.
 */
export function readVia(value: Via | ChooseVia): ViaSettings {
  if (typeof value !== "function") {
    const servers = readServers("via", value);
    return () => Promise.resolve(servers);
  }
  return async (target) => {
    const chosen = await attempt(() => value(target)).catch((thrown) => {
      throw handlerError("via", thrown);
    });
    if (chosen === undefined) return undefined;
    try {
      return readServers("via", chosen);
    } catch (cause) {
      throw new GenericError("handler", `What the function of via gave is wrong: ${cause}`, {
        cause,
      });
    }
  };
}

function readServers(name: string, value: Via): readonly ProxyServer[] {
  if (typeof value === "string") return [ProxyServer.read(name, value)];
  if (isRevoked(value) || !Array.isArray(value)) {
    return [ProxyServer.read(name, value as ProxyServerConfig)];
  }
  const list = readList(name, value);
  if (list.length === 0) {
    throw new TypeError(`${name} must be an array with at least one proxy: got []`);
  }
  return list.map((one, i) => ProxyServer.read(`${name}[${i}]`, one as string));
}
