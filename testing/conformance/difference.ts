// Where two values differ, in words. An error is compared without its stack, which says where it was made.

/** How a value is compared. What a getter gives is not asked for its own getters: these may go on for ever. */
type Depth = "fields and getters" | "fields";

/** Pairs that are being compared: a value may hold itself. */
type Pairs = Map<unknown, Set<unknown>>;

/**
 * Says where two values differ.
 *
 * Objects are compared by their class and by their own enumerable fields; those of a class of your own also by what its
 * getters give. Errors are compared by their name, message, cause and other fields.
 *
 * @param path What the values are called.
 * @returns `undefined` where they do not differ.
 */
export function differenceOf(got: unknown, wanted: unknown, path: string): string | undefined {
  return compare(got, wanted, path, "fields and getters", new Map());
}

function compare(
  got: unknown,
  wanted: unknown,
  path: string,
  depth: Depth,
  pairs: Pairs,
): string | undefined {
  if (Object.is(got, wanted)) return undefined;
  const differ = `${path} was ${inWords(got)}, not ${inWords(wanted)}`;
  if (!isObject(got) || !isObject(wanted)) {
    // Symbols and functions are made anew.
    const isMade = typeof got === "symbol" || typeof got === "function";
    return isMade && inWords(got) === inWords(wanted) ? undefined : differ;
  }
  const kind = Object.getPrototypeOf(got);
  if (kind !== Object.getPrototypeOf(wanted)) {
    return `${differ}: it is of another class`;
  }
  if (pairs.get(got)?.has(wanted)) return undefined;
  pairs.set(got, (pairs.get(got) ?? new Set()).add(wanted));
  const [bytes, wantedBytes] = [bytesOf(got), bytesOf(wanted)];
  if (bytes !== undefined && wantedBytes !== undefined) {
    const isSame = bytes.length === wantedBytes.length &&
      bytes.every((byte, index) => byte === wantedBytes[index]);
    return isSame ? undefined : differ;
  }
  const [parts, wantedParts] = [partsOf(got, depth), partsOf(wanted, depth)];
  for (const name of new Set([...parts.keys(), ...wantedParts.keys()])) {
    const where = typeof name === "string" ? `${path}${name}` : `${path}[${String(name)}]`;
    if (!parts.has(name)) return `${where} was missing: ${differ}`;
    if (!wantedParts.has(name)) return `${where} was there: ${differ}`;
    const [part, below] = parts.get(name)!;
    const found = compare(part, wantedParts.get(name)![0], where, below, pairs);
    if (found !== undefined) return found;
  }
  // What shows nothing of itself but in words: a date, a number in an object.
  return got instanceof Error || parts.size > 0 || inWords(got) === inWords(wanted)
    ? undefined
    : differ;
}

/** What an object is made of, by its name, and how that is compared. */
function partsOf(value: object, depth: Depth): Map<string | symbol, [part: unknown, Depth]> {
  const parts = new Map<string | symbol, [unknown, Depth]>();
  if (value instanceof Map || value instanceof Set) {
    let index = 0;
    for (const entry of value.entries()) parts.set(` entry ${index++}`, [entry, depth]);
  }
  if (Array.isArray(value)) parts.set(".length", [value.length, depth]);
  const isError = value instanceof Error;
  if (isError) parts.set(".name", [partOf(value, "name"), depth]);
  for (const name of Reflect.ownKeys(value)) {
    const isShown = Object.getOwnPropertyDescriptor(value, name)!.enumerable;
    // An error's message and cause are not enumerable.
    if (!isShown && (!isError || name === "stack")) continue;
    parts.set(typeof name === "string" ? `.${name}` : name, [partOf(value, name), depth]);
  }
  if (depth === "fields") return parts;
  for (let kind = Object.getPrototypeOf(value); !isRoot(kind); kind = Object.getPrototypeOf(kind)) {
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(kind))) {
      if (get !== undefined) parts.set(`.${name}`, [partOf(value, name), "fields"]);
    }
  }
  return parts;
}

function partOf(value: object, name: string | symbol): unknown {
  try {
    return Reflect.get(value, name);
  } catch (error) {
    return error;
  }
}

function isRoot(kind: object | null): boolean {
  return kind === null || kind === Object.prototype || Object.getPrototypeOf(kind) === null;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function bytesOf(value: object): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  const isMemory = value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
  return isMemory ? new Uint8Array(value) : undefined;
}

/** A value in the words of a message, an error without its stack. */
function inWords(value: unknown): string {
  if (value instanceof Error) return `[${value.name}: ${value.message}]`;
  return Deno.inspect(value, { depth: 1, breakLength: Infinity, strAbbreviateSize: Infinity });
}
