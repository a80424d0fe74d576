// The role of a server program, from its command line.

/** Answers every connection, or every datagram, in one way. */
export type Role =
  | "echo"
  | "small"
  | "lines"
  | "text"
  | "broadcast"
  | "datagrams"
  | "tell"
  | "sink"
  | "source"
  | "whole"
  | "halves";

/** Runs the role that the command line names. */
export async function play(roles: Partial<Record<Role, () => unknown>>): Promise<void> {
  const role = Deno.args[0] as Role;
  const run = roles[role];
  if (run === undefined) throw new TypeError(`This server cannot be: ${role}`);
  await run();
}
