// A polluted Object.prototype.

/** Runs something while every object seems to have more fields, and takes them away again. */
export async function withPollution(
  fields: object,
  run: () => void | Promise<void>,
): Promise<void> {
  const root = Object.prototype;
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(fields))) {
    Object.defineProperty(root, name, { ...descriptor, configurable: true, enumerable: false });
  }
  try {
    await run();
  } finally {
    for (const name of Object.keys(fields)) Reflect.deleteProperty(root, name);
  }
}
