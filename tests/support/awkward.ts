// Things that are hard to deal with once somebody has thrown them.

import { GenericError } from "../../mod.ts";

/** What may be thrown and cannot be looked at, printed or put into words without care. */
export function awkwardThings(): unknown[] {
  const revoked = Proxy.revocable(new Error("revoked"), {});
  revoked.revoke();
  const refuse = () => {
    throw new Error("do not look");
  };
  const messageThrows = new Error("hidden");
  Object.defineProperty(messageThrows, "message", { get: refuse });
  const stackThrows = new Error("stackless");
  Object.defineProperty(stackThrows, "stack", { get: refuse });
  return [
    undefined,
    null,
    "text",
    Symbol("a symbol"),
    Object.create(null),
    new Error("plain"),
    messageThrows,
    stackThrows,
    revoked.proxy,
    new Proxy(new Error("proxy"), { get: refuse, getPrototypeOf: refuse, ownKeys: refuse }),
    { [Symbol.for("Deno.customInspect")]: refuse, toString: refuse },
  ];
}

/** Errors of the library's own kind that do not want to be looked at. */
export function awkwardErrors(): unknown[] {
  const refuse = () => {
    throw new Error("do not look");
  };
  class Own extends GenericError {}
  const codeThrows = new Own("frame", "mine");
  Object.defineProperty(codeThrows, "code", { get: refuse });
  return [codeThrows, new Proxy(new GenericError("frame", "mine"), { get: refuse })];
}

/** Runs something and gives what was printed with `console.error` meanwhile. */
export async function printedDuring(run: () => void | Promise<void>): Promise<unknown[]> {
  const printed: unknown[] = [];
  const before = console.error;
  console.error = (...values: unknown[]) => {
    // How a value is shown is its own code, and may throw, as where it is really printed.
    for (const value of values) Deno.inspect(value);
    printed.push(...values);
  };
  try {
    await run();
  } finally {
    console.error = before;
  }
  return printed;
}
