// Reads what callers pass as a config or as options: each field once, at the door, into a copy that nobody can
// change.
//
// Decision record: a config kept by reference can be changed after the checks (a `clientAuth` of "require" that
// becomes "none"), a getter may answer differently each time, and a field put on Object.prototype would become an
// option of every socket (`verifyHostname: false`). So a field counts when it is the object's own or comes from a
// class that the user has written, and never when it comes from Object.prototype. The copies have no prototype, so
// that a field they lack is not looked up there either. Spreading one into a new object would lose that: use
// `readOptions` or `withOptions` for another copy.

import { checkObject, refused, shown } from "./arguments.ts";
import { nearest } from "./nearest.ts";
import { isRevoked } from "./runtime_kind.ts";

/** The names of the fields of a config, each once. A name that is missing, or one too many, does not compile. */
export type OptionNames<T extends object> = readonly (keyof T & string)[];

/**
 * The names of a config's fields.
 *
 * @param marks All of them.
 */
export function optionNames<T extends object>(
  marks: Readonly<Record<keyof T & string, true>>,
): OptionNames<T> {
  return Object.keys(marks) as (keyof T & string)[];
}

/** The names of the fields of some of a config's fields: whoever gives one of them one level too high is told. */
export type InnerNames<T extends object> = {
  readonly [name in keyof T & string]?: readonly string[];
};

/**
 * Reads the fields of a config, each once.
 *
 * @param name What it is, for the message.
 * @param value What was passed.
 * @param names All of its fields.
 * @param inner Those of some of its fields.
 * @returns A frozen copy without a prototype. It has only the fields that are not `undefined`.
 * @throws {TypeError} It is no object, or has a field of its own that is none of those: what is misspelled would
 * be passed over in silence.
 * @throws {unknown} What a getter of it throws.
 */
export function readOptions<T extends object>(
  name: string,
  value: NoInfer<T>,
  names: OptionNames<T>,
  inner?: InnerNames<T>,
): Readonly<T> {
  checkNames(name, value, names, inner);
  return partOf(name, value, names);
}

/**
 * Checks that an object has no field of its own but some.
 *
 * @param name What it is, for the message.
 * @param value What was passed.
 * @param names All that it may have.
 * @param inner What some of them may have.
 * @throws {TypeError} It is no object, or has another field.
 */
export function checkNames(
  name: string,
  value: object,
  names: readonly string[],
  inner: Readonly<Record<string, readonly string[] | undefined>> = {},
): void {
  for (const field of Object.keys(checkObject(name, value))) {
    if (!names.includes(field)) refuseUnknown(name, field, names, inner);
  }
}

function refuseUnknown(
  name: string,
  field: string,
  names: readonly string[],
  inner: Readonly<Record<string, readonly string[] | undefined>>,
): never {
  for (const [outer, its] of Object.entries(inner)) {
    if (its?.includes(field) !== true) continue;
    throw new TypeError(`${name} has no option ${shown(field)}: it belongs into ${outer}`);
  }
  const near = nearest(field, names);
  throw new TypeError(
    `${name} has no option ${shown(field)}: use ${near ?? `one of ${names.join(", ")}`}`,
  );
}

/**
 * Reads some of an object's fields, each once.
 *
 * @param name What it is, for the message.
 * @param value What was passed.
 * @param names The fields to read; the others are ignored.
 * @returns As {@linkcode readOptions}.
 * @throws {TypeError} It is no object.
 * @throws {unknown} What a getter of it throws.
 */
export function partOf<T extends object>(
  name: string,
  value: NoInfer<T>,
  names: OptionNames<T>,
): Readonly<T> {
  checkObject(name, value);
  const copy: Partial<T> = Object.create(null);
  for (const field of names) {
    if (isFromRoot(value, field)) continue;
    const read = value[field];
    if (read !== undefined) copy[field] = read;
  }
  return Object.freeze(copy) as Readonly<T>;
}

/**
 * Reads one field of the options of a call, without copying them.
 *
 * @param options What was passed: an object, or nothing.
 * @param name The field.
 */
export function optionOf<T extends object, Name extends keyof T & string>(
  options: T | undefined,
  name: Name,
): T[Name] | undefined {
  return options === undefined || isFromRoot(options, name) ? undefined : options[name];
}

/**
 * Whether options were passed where something else may stand before them. Lists, buffers, promises and signals are
 * objects too, and meant to be something else.
 */
export function mayBeOptions<T extends object>(value: unknown): value is T {
  if (typeof value !== "object" || value === null) return false;
  try {
    return Object.prototype.toString.call(value) === "[object Object]";
  } catch {
    // It answers by code of its own.
    return false;
  }
}

/**
 * Replaces fields, in a copy.
 *
 * @param options What {@linkcode readOptions} gave.
 * @param others The new fields; `undefined` removes one.
 */
export function withOptions<T extends object, U extends object>(
  options: T,
  others: U,
): Readonly<Omit<T, keyof U> & U> {
  const copy = Object.assign(Object.create(null), options, others);
  for (const field of Object.keys(copy)) {
    if (copy[field] === undefined) delete copy[field];
  }
  return Object.freeze(copy);
}

/**
 * The same fields in an object without a prototype, for foreign functions: they would look up missing options on
 * Object.prototype.
 */
export function bare<T extends object>(options: T): T {
  return Object.assign(Object.create(null), options);
}

/**
 * Reads a list, each element once.
 *
 * @param name What it is, for the message.
 * @param value What was passed.
 * @returns A frozen copy.
 * @throws {TypeError} It is no array.
 */
export function readList(name: string, value: unknown): readonly unknown[] {
  if (isRevoked(value) || !Array.isArray(value)) {
    throw new TypeError(`${name} must be an array: got ${refused(value)}`);
  }
  const copy: unknown[] = [];
  const { length } = value;
  // A hole in an array would be looked up in its prototypes.
  for (let i = 0; i < length; i++) copy.push(Object.hasOwn(value, i) ? value[i] : undefined);
  return Object.freeze(copy);
}

/**
 * Reads an object whose fields have names that the user chooses, each once.
 *
 * @param name What it is, for the message.
 * @param value What was passed.
 * @returns Its own fields.
 * @throws {TypeError} It is no object, or one that keeps its content elsewhere: a list, a `Map`.
 */
export function readEntries<V>(
  name: string,
  value: Readonly<Record<string, V>>,
): readonly (readonly [name: string, value: V])[] {
  return Object.entries(checkObject(name, value));
}

/** Whether a field comes from Object.prototype; asking runs no getter. */
function isFromRoot(value: object, field: string): boolean {
  for (let at: object | null = value; at !== null; at = Object.getPrototypeOf(at)) {
    if (Object.hasOwn(at, field)) return at !== value && isRoot(at);
  }
  // It belongs to no object: it is `undefined`, or a proxy makes it up.
  return false;
}

/** Whether it is Object.prototype: ours or another realm's, recognized by a property that no class has of its own. */
function isRoot(prototype: object): boolean {
  return prototype === Object.prototype || Object.hasOwn(prototype, "isPrototypeOf");
}
