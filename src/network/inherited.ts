// Which of the sockets that the process was started with somebody wants: systemd and its relatives hand them over as
// descriptors from 3 on, and say in three variables for whom, how many, and what they are called.
//
// A descriptor can be taken once: whoever frees it gives its number back to the system, which may give it to anything.
// So it is remembered for ever what was taken, in this worker; a network may know it of others.

import { checkInteger, shown } from "../base/arguments.ts";
import { codeOf, GenericError } from "../base/errors.ts";
import { permissionAdvice } from "../base/permission_advice.ts";

/** What is taken over. */
export interface TakenOver {
  readonly descriptor: number;
  /** Whether a service manager has handed it over: then nobody may have touched it. */
  readonly isHandedOver?: boolean;
}

/** `"auto"`, the number of a descriptor, or a name. */
export type Inherited = "auto" | number | string;

/** What the variables say. */
interface Handed {
  readonly descriptor: number;
  readonly name: string;
}

/** The first one that is handed over. */
const FIRST = 3;
/** What one is called that has no name. */
const NAMELESS = "unknown";
const MAX_DESCRIPTOR = 2_147_483_647;

const taken = new Set<number>();
/** Who has taken one: the others are meant for others. */
const served = new WeakSet<object>();
/** Why one could not be used for something. */
const failures = new Map<string, unknown>();

/**
 * Checks which inherited socket is wanted.
 *
 * @throws {TypeError | RangeError} It is neither a number nor a name.
 */
export function checkInherited(name: string, value: unknown): Inherited {
  if (typeof value === "number") return checkInteger(name, value, 0, MAX_DESCRIPTOR);
  // As systemd has it: a name has no control characters and no colon, and 255 characters at most.
  if (typeof value === "string" && /^[^\p{Cc}:]{1,255}$/u.test(value)) return value;
  throw new TypeError(
    `${name} must be "auto", the number of a descriptor or the name of one: got ${shown(value)}`,
  );
}

/**
 * Refuses what to bind, where a socket that is bound already was asked for.
 *
 * @param inherited Which one; `"auto"` may bind.
 * @param given What else was given.
 * @throws {TypeError} Some of it says what to bind.
 */
export function refuseBinding(
  inherited: Inherited | undefined,
  given: Readonly<Record<string, unknown>>,
): void {
  if (inherited === undefined || inherited === "auto") return;
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === false) continue;
    throw new TypeError(
      `${name} must not go with inherited ${shown(inherited)}, which is bound: got ${shown(value)}`,
    );
  }
}

/**
 * Takes an inherited socket over.
 *
 * @param wanted Which one.
 * @param what What it must be.
 * @param taker Who takes it: it gets one, once.
 * @param adopt Makes something of it. Where that fails, it is not tried again for the same, as it may have been closed.
 * @returns What was made of it; `undefined` where `"auto"` finds that none was handed over.
 * @throws {GenericError} `"unreachable"`: there is none of that name. `"in-use"`: it was taken already, or the taker
 * has had one. `"denied"`: the variables may not be read.
 * @throws {unknown} What `adopt` throws.
 */
export async function takeInherited<T>(
  wanted: Inherited,
  what: "streams" | "datagrams",
  taker: object,
  adopt: (taken: TakenOver) => T | Promise<T>,
): Promise<T | undefined> {
  const candidates = candidatesFor(wanted);
  if (candidates.length === 0) return undefined;
  const free = candidates.filter((descriptor) => !taken.has(descriptor));
  if (free.length === 0) {
    const which = candidates.length === 1 ? `descriptor ${candidates[0]}` : "each of them";
    throw new GenericError(
      "in-use",
      `Cannot take over ${described(wanted)}: ${which} was taken already, and a stop closes it`,
    );
  }
  if (served.has(taker)) {
    throw new GenericError(
      "in-use",
      `Cannot take over ${described(wanted)}: this listener has had one, which is closed now, ` +
        "make a new listener to take the next",
    );
  }
  let failure: { readonly error: unknown } | undefined;
  for (const descriptor of free) {
    const key = `${what} ${descriptor}`;
    try {
      if (failures.has(key)) throw failures.get(key);
      // Before any await: another listener must not take it, too.
      taken.add(descriptor);
      const adopted = await adopt(
        typeof wanted === "number" ? { descriptor } : { descriptor, isHandedOver: true },
      );
      served.add(taker);
      return adopted;
    } catch (error) {
      taken.delete(descriptor);
      // Nothing was done with it.
      if (codeOf(error) === "unsupported") throw error;
      // Of one name there may be a stream and datagrams.
      failures.set(key, error);
      failure ??= { error };
    }
  }
  throw failure!.error;
}

/** The error for a network that cannot take one over. */
export function noneInherited(): GenericError {
  return new GenericError(
    "unsupported",
    "Cannot take over an inherited socket: this network cannot, pass network: linuxNetwork (linux/mod.ts)",
  );
}

function candidatesFor(wanted: Inherited): number[] {
  if (typeof wanted === "number") return [wanted];
  const handed = readHanded();
  if (wanted === "auto") {
    const names = new Set(handed.map(({ name }) => name));
    if (names.size > 1) {
      throw new GenericError(
        "unreachable",
        `Cannot choose between the sockets that were handed over: give one of their names (${
          listed(names)
        })`,
      );
    }
    return handed.map(({ descriptor }) => descriptor);
  }
  const named = handed.filter(({ name }) => name === wanted);
  if (named.length > 0) return named.map(({ descriptor }) => descriptor);
  const why = handed.length === 0
    ? "no socket was handed to this process; start it by a service manager (systemd: a .socket unit)"
    : `there are only ${listed(new Set(handed.map(({ name }) => name)))}`;
  throw new GenericError("unreachable", `Cannot take over ${described(wanted)}: ${why}`);
}

function listed(names: ReadonlySet<string>): string {
  return [...names].map(shown).join(", ");
}

function described(wanted: Inherited): string {
  if (typeof wanted === "number") return `descriptor ${wanted}`;
  return wanted === "auto" ? "an inherited socket" : `the inherited socket ${shown(wanted)}`;
}

function readHanded(): Handed[] {
  const { get } = Deno.env;
  try {
    return handedOver(
      { pid: get("LISTEN_PID"), fds: get("LISTEN_FDS"), fdNames: get("LISTEN_FDNAMES") },
      Deno.pid,
    );
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    // The runtime would ask for one after the other.
    const advice = permissionAdvice(error, "--allow-env=LISTEN_FDS,LISTEN_PID,LISTEN_FDNAMES");
    const message = `Cannot take over an inherited socket: no permission, ${advice}`;
    throw new GenericError("denied", message, { cause: error });
  }
}

/**
 * Reads the variables.
 *
 * @param variables Their values.
 * @param pid This process: a child that inherits the variables has not been handed anything.
 */
export function handedOver(
  { pid: forWhom, fds, fdNames }: {
    readonly pid: string | undefined;
    readonly fds: string | undefined;
    readonly fdNames: string | undefined;
  },
  pid: number,
): Handed[] {
  if (forWhom !== String(pid) || fds === undefined) return [];
  const count = /^\d{1,5}$/.test(fds) ? Number(fds) : NaN;
  if (Number.isNaN(count)) {
    throw new GenericError(
      "unreachable",
      `Cannot take over an inherited socket: LISTEN_FDS must be a number: got ${shown(fds)}`,
    );
  }
  const names = fdNames?.split(":") ?? [];
  return Array.from({ length: count }, (_, i) => ({
    descriptor: FIRST + i,
    name: names[i] || NAMELESS,
  }));
}
