// What is printed with `console.error`, caught.

/** Runs something, and gives what it printed with `console.error`. */
export async function printedDuring(run: () => void | Promise<void>): Promise<unknown[]> {
  const printed: unknown[] = [];
  const before = console.error;
  console.error = (...values: unknown[]) => {
    // A value shows itself by code of its own, which may throw, as where it is really printed.
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
