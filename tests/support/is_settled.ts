// Whether a promise has settled, without waiting for it.

/** Looks when all that is due in microtasks has been done, some of them by others. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  return settled;
}
