// A folder for one test, and what a dead program leaves in one.

/** Makes a folder for a function, and removes it afterwards. */
export async function inFolder<T>(
  body: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    return await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Leaves the file of a socket whose program is gone. */
export function leaveDeadSocket(path: string): void {
  const elsewhere = `${path}.elsewhere`;
  const listener = Deno.listen({ transport: "unix", path: elsewhere });
  Deno.linkSync(elsewhere, path);
  // Removes the name it was bound under, and not the other one.
  listener.close();
}

/** What lies in a folder. */
export function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}
