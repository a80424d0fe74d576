// What is an object and has no options: a list, a promise, a date. Read as options it would be an empty config, and a
// listener whose config nobody has awaited would listen without its limits.

/** What such objects call themselves, in every realm. */
const KINDS: ReadonlySet<string> = new Set(
  [
    "AbortController AbortSignal Arguments Array ArrayBuffer AsyncGenerator BigInt Blob Boolean Date Error Event File",
    "FormData Generator Headers Map Number Promise ReadableStream RegExp Request Response Set SharedArrayBuffer String",
    "Symbol TransformStream URL URLSearchParams WeakMap WeakRef WeakSet WritableStream",
  ].join(" ").split(" ").map((kind) => `[object ${kind}]`),
);

/**
 * Whether an object is none that options can be read from. Plain ones and those of users' own classes are.
 *
 * @param value Anything but a revoked proxy.
 */
export function isRuntimeKind(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return false;
  if (ArrayBuffer.isView(value) || KINDS.has(Object.prototype.toString.call(value))) return true;
  // Other promises than the runtime's, too. What somebody has put on Object.prototype makes nothing one.
  const { then } = value as { then?: unknown };
  return typeof then === "function" && then !== (Object.prototype as { then?: unknown }).then;
}

/** Whether it is a proxy that was revoked: whatever that is asked, the runtime throws, and names nothing. */
export function isRevoked(value: unknown): boolean {
  try {
    // Of all questions the only one that runs no code of the user's.
    Array.isArray(value);
    return false;
  } catch {
    return true;
  }
}
