// Deno's own connect, without the socket that it loses.
//
// A fact of Deno 2.9: when a connection is made, its connect looks at the signal once more, and throws the reason. Then
// nobody has the socket, and it stays open for ever. So the runtime gets a signal of its own, which ends the attempt but
// has nothing to throw: what is connected all the same comes back, and is closed here.

import { ignore } from "../../base/errors.ts";
import { bare } from "../../base/options.ts";

/** Where to, and what gives it up. */
interface Target {
  readonly hostname: string;
  readonly port: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connects. What is given up leaves nothing open.
 *
 * @param connect What connects: passed in by the room that may name it.
 * @param target Where to, and what gives it up.
 * @throws {unknown} The signal's reason, or why not.
 */
export async function connectDeno<Conn extends { close(): void }>(
  connect: (options: { hostname: string; port: number; signal?: AbortSignal }) => Promise<Conn>,
  { hostname, port, signal }: Target,
): Promise<Conn> {
  if (signal === undefined) return await connect(bare({ hostname, port }));
  signal.throwIfAborted();
  const attempt = new AbortController();
  Object.defineProperty(attempt.signal, "throwIfAborted", { value: ignore });
  const giveUp = () => attempt.abort();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    const conn = await connect(bare({ hostname, port, signal: attempt.signal }));
    if (!signal.aborted) return conn;
    conn.close();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
  throw signal.reason;
}
