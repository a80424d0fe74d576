// Real signals whose own parts were replaced by ones that throw.

function thrower(): never {
  throw new Error("A replaced part of a signal was run");
}

/** Kinds of them, each made of a plain signal. */
export const oddSignals: readonly { kind: string; get: (plain: AbortSignal) => AbortSignal }[] = [
  {
    kind: "reason",
    get: (plain) => Object.defineProperty(plain, "reason", { get: thrower }),
  },
  ...["throwIfAborted", "addEventListener", "removeEventListener"].map((kind) => ({
    kind,
    get: (plain: AbortSignal) => Object.defineProperty(plain, kind, { value: thrower }),
  })),
  {
    kind: "a prototype of its own",
    get: (plain) => {
      const prototype = Object.setPrototypeOf({ addEventListener: thrower }, AbortSignal.prototype);
      return Object.setPrototypeOf(plain, prototype);
    },
  },
];

/** One that says whether it is aborted by code that throws: the runtime itself cannot abort it any more. */
export function unaskable(plain: AbortSignal): AbortSignal {
  return Object.defineProperty(plain, "aborted", { get: thrower });
}
