// Whether the program may use a host, asked without a trace.
//
// The runtime keeps each answer for ever, by the host that was asked about, and here others choose the hosts: senders of
// datagrams, which can be forged, and the clients of a proxy. Most programs may use the whole network, and then no host
// need be named. For the others, a fact of Deno 2.9: it reads the host of a question twice, first to answer it, then to
// keep the answer. So the second time it is told another host, always the same. Whether it does so is tried first, with
// hosts that are none: only where they are read they are refused.

const WHOLE = { name: "net" } as const;
/** By which all answers are kept. */
const ANY = "0.0.0.0";
/** It is refused as soon as it is read as a host. */
const NO_HOST = "[";

const next: string[] = [];
const question = {
  name: "net" as const,
  get host(): string {
    return next.shift() ?? ANY;
  },
};

type Ask = (permission: Deno.NetPermissionDescriptor) => Deno.PermissionStatus;

const query: Ask = (permission) => Deno.permissions.querySync(permission);
const request: Ask = (permission) => Deno.permissions.requestSync(permission);

/** Asks with what is read first and then. */
function stateOf(ask: Ask, first: string, then: string): Deno.PermissionState {
  next.splice(0, next.length, first, then);
  return ask(question).state;
}

let isReadTwice: boolean | undefined;

/** Whether the first host alone is what is asked about. */
function tried(): boolean {
  try {
    stateOf(query, ANY, NO_HOST);
  } catch {
    return false;
  }
  try {
    stateOf(query, NO_HOST, ANY);
    return false;
  } catch {
    return true;
  }
}

function ask(how: Ask, host: string): Deno.PermissionState {
  const { state, partial } = query(WHOLE);
  if (state === "granted" && !partial) return state;
  isReadTwice ??= tried();
  const answer = stateFor(how, host);
  if (answer !== "granted") return answer;
  // A port that is granted is all that it answers, but an address that is denied is of no use.
  const address = IS_ADDRESS_AND_PORT.exec(host)?.[1];
  return address !== undefined && stateFor(query, address) === "denied" ? "denied" : answer;
}

/** As the runtime writes them. To a name, a port that is granted does lead. */
const IS_ADDRESS_AND_PORT = /^(\[.+\]|\d+\.\d+\.\d+\.\d+):\d+$/;

function stateFor(how: Ask, host: string): Deno.PermissionState {
  return isReadTwice ? stateOf(how, host, ANY) : how({ name: "net", host }).state;
}

/**
 * The state of the permission for a host. Never prompts.
 *
 * @param host A host name or an address, with a port or without, as the runtime writes it; or `"unix:"` and a path.
 */
export function netState(host: string): Deno.PermissionState {
  return ask(query, host);
}

/** As {@linkcode netState}, but a prompt appears where the runtime has one. */
export function requestNet(host: string): Deno.PermissionState {
  const state = netState(host);
  return state === "prompt" ? ask(request, host) : state;
}
