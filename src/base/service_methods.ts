// The methods of a service, read once, so that what is called later is what was checked: a getter or a proxy may give
// another answer each time.

import { refused, shown } from "./arguments.ts";
import type { GenericError } from "./errors.ts";
import { isRevoked } from "./runtime_kind.ts";
import { handlerError, printThrown } from "./user_code.ts";

const { bind } = Function.prototype;

/**
 * Reads the methods of a service.
 *
 * @param service What was given.
 * @param names The names that its methods may have.
 * @param name What it is, for the message.
 * @returns The methods it has, bound to it, and nothing else.
 * @throws {TypeError} It has a method that is misspelled, one that is no function, or none.
 */
export function methodsOf<Methods extends object>(
  service: unknown,
  names: readonly (keyof Methods & string)[],
  name = "service",
): Methods {
  if (typeof service !== "object" || service === null || isRevoked(service)) {
    throw new TypeError(`${name} must be an object with methods: got ${refused(service)}`);
  }
  for (const event of eventNames(service)) {
    if ((names as readonly string[]).includes(event)) continue;
    throw new TypeError(
      `${name} has a member named ${shown(event)}, which is never called: use one of ${
        names.join(", ")
      }`,
    );
  }
  const methods: Record<string, unknown> = {};
  for (const event of names) {
    const method: unknown = Reflect.get(service, event);
    if (method === undefined) continue;
    if (typeof method !== "function") {
      throw new TypeError(`${name}.${event} must be a function: got ${shown(method)}`);
    }
    methods[event] = Reflect.apply(bind, method, [service]);
  }
  if (Object.keys(methods).length === 0) {
    throw new TypeError(
      `${name} has no method to call: give it at least one of ${names.join(", ")}`,
    );
  }
  return methods as Methods;
}

/**
 * Has users' code make the service of one caller. What it throws is printed, for there is no service yet whose
 * `onError` could be told.
 *
 * @param make What was given.
 * @param caller Whose service it will be.
 * @param read Reads the methods of what was made.
 * @param refuse Told why there is none.
 */
export async function ownService<Caller, Service>(
  make: (caller: Caller) => Service | Promise<Service>,
  caller: Caller,
  read: (service: unknown) => Service,
  refuse: (error: GenericError) => void,
): Promise<Service | undefined> {
  try {
    return read(await make(caller));
  } catch (error) {
    printThrown(error);
    refuse(handlerError("The function that makes the service", error));
    return undefined;
  }
}

/** Names, own and inherited, that look like methods of a service. */
function* eventNames(service: object): Generator<string> {
  for (let from: object | null = service; from !== null; from = Object.getPrototypeOf(from)) {
    for (const name of Object.getOwnPropertyNames(from)) {
      if (/^on[A-Z]/.test(name)) yield name;
    }
  }
}
