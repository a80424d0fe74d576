// What a server program is asked to be, on its command line.

/** Answers every connection, or every datagram, in one way. */
export type Role =
  | "echo"
  | "small"
  | "lines"
  | "text"
  | "broadcast"
  | "datagrams"
  | "sink"
  | "source"
  | "whole"
  | "halves";

/** Runs what the command line asks for. */
export async function play(roles: Partial<Record<Role, () => unknown>>): Promise<void> {
  const role = Deno.args[0] as Role;
  const run = roles[role];
  if (run === undefined) throw new TypeError(`This server cannot be: ${role}`);
  await run();
}
