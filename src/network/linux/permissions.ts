// The permissions that this engine asks for itself: what goes through FFI passes Deno's own checks by.
//
// It decides as Deno does: a host and port, or the name "unix:" and a path, must be granted for the network, a file also
// for reading and writing; a prompt appears where Deno's would; and a name that is granted may lead to any address that
// is not denied by itself.

import { formatAddress, isAbstract } from "../../base/address.ts";
import { netState, requestNet } from "../../base/net_status.ts";

type Descriptor = Deno.PermissionDescriptor;

/**
 * Asks for the permission to use a host, or one port of it, which may prompt.
 *
 * @param host Host name or IP address, without brackets.
 * @throws {Deno.errors.NotCapable} It is not given: what Deno would throw.
 */
export function requireHost(host: string, port: number): void {
  demandNet(formatAddress(host, port));
}

/** Whether the program may use a host, or one port of it. Never prompts. */
export function mayUseHost(host: string, port: number): boolean {
  return netState(formatAddress(host, port)) === "granted";
}

/**
 * Checks an address that a name has led to.
 *
 * @throws {Deno.errors.NotCapable} It is denied: what Deno would throw.
 */
export function refuseDenied(ip: string, port: number): void {
  const written = formatAddress(ip, port);
  if (netState(written) !== "denied") return;
  throw notCapable("net", written);
}

/**
 * Asks for the permission to use a local socket, which may prompt.
 *
 * @param path Where it is, or its abstract name.
 * @throws {Deno.errors.NotCapable} It is not given: what Deno would throw.
 */
export function requirePath(path: string): void {
  const name = `unix:${path}`;
  // No permission can name an abstract one: it takes all of the network.
  if (isAbstract(path)) return demand({ name: "net" }, "net", name);
  demand({ name: "read", path }, "read", path);
  demand({ name: "write", path }, "write", path);
  demandNet(name);
}

function demandNet(host: string): void {
  if (requestNet(host) !== "granted") throw notCapable("net", host);
}

function demand(permission: Descriptor, kind: string, what: string): void {
  // A query costs a fraction of a request.
  if (Deno.permissions.querySync(permission).state === "granted") return;
  if (Deno.permissions.requestSync(permission).state === "granted") return;
  throw notCapable(kind, what);
}

function notCapable(kind: string, what: string): Error {
  return new Deno.errors.NotCapable(
    `Requires ${kind} access to "${what}", run again with the --allow-${kind} flag`,
  );
}
