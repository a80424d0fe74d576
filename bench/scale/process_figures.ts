// What the system says of a process: its memory, its processor time, its descriptors.

/** Resident memory, in bytes. */
export async function memoryOf(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return 1024 * Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1]);
}

/** User and system time so far, in microseconds, to the tick of 10 ms. */
export async function cpuMicrosOf(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The name, in parentheses, may have spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return 10_000 * (Number(fields[11]) + Number(fields[12]));
}

/** How many descriptors are open. */
export async function descriptorsOf(pid: number): Promise<number> {
  let count = 0;
  for await (const _ of Deno.readDir(`/proc/${pid}/fd`)) count++;
  return count;
}

/** The sum of something over processes. */
export async function sumOf(
  pids: readonly number[],
  of: (pid: number) => Promise<number>,
): Promise<number> {
  let sum = 0;
  for (const pid of pids) sum += await of(pid);
  return sum;
}
