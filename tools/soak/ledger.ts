// The books of both ends: what was given, what was promised, what came. Their comparison finds every byte
// that was promised and did not come, and every connection that ended for no reason.

import { HEADER_LENGTH, isContentOf, THROWN } from "./content.ts";

/** How a connection ended at one end, besides the codes of the library's errors. */
const ENDS = [
  /** In good order. */
  "closed",
  /** This end cut it on purpose. */
  "cut",
  /** Cut by a stop at its deadline, or by a limit. */
  "aborted",
  "broken",
  "timed-out",
  "overflow",
  "limit",
  "handler",
  "other",
] as const;

/** How a connection ended at one end. */
export type End = typeof ENDS[number];

/** The end that an error's code stands for. */
export function endOf(code: string | undefined): End {
  return ENDS.find((end) => end === code) ?? "other";
}

/** What one end knows of one connection. */
export class Account {
  /** Whose bytes are read, once it is known. */
  stream: number;
  /** Bytes given to `write`. */
  offered = 0;
  /** Bytes of writes that resolved. */
  promised = 0;
  /** Bytes read. */
  received = 0;
  /** Whether something was read that is not what the stream carries there. */
  isWrong = false;
  /** Whether the peer's end was read. */
  sawEnd = false;
  /** Whether the server was about to stop when it ended. */
  isLate = false;
  /** How it ended. */
  end: End | undefined;
  #header = 0;

  constructor(stream = 0) {
    this.stream = stream;
    if (stream > 0) this.#header = HEADER_LENGTH;
  }

  /** Whether it is on the books: its stream is known, and nobody's missile. */
  get counts(): boolean {
    return this.stream > 0 && this.stream < THROWN;
  }

  /** Takes down what was read. */
  receive(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length && this.#header < HEADER_LENGTH; i++) {
      this.stream = this.stream * 256 + bytes[i]!;
      this.#header++;
    }
    if (this.#header === HEADER_LENGTH && !isContentOf(this.stream, this.received, bytes)) {
      this.isWrong = true;
    }
    this.received += bytes.length;
  }
}

/** An account as it is told to another process. */
export type Entry = readonly [
  stream: number,
  offered: number,
  promised: number,
  received: number,
  flags: number,
  end: number,
];
const COLUMNS = 6;

/** The books of one end. Their memory is taken at once: it is not what a watch on memory shall see grow. */
export class Ledger {
  readonly #cells: Float64Array;
  #length = 0;

  constructor(capacity = 300_000) {
    this.#cells = new Float64Array(capacity * COLUMNS);
  }

  /** How many accounts were closed. */
  get length(): number {
    return this.#length;
  }

  /** Closes an account. */
  add(account: Account): void {
    const flags = (account.isWrong ? 1 : 0) | (account.sawEnd ? 2 : 0) | (account.isLate ? 4 : 0);
    const { stream, offered, promised, received, end } = account;
    this.#cells.set(
      [stream, offered, promised, received, flags, ENDS.indexOf(end ?? "other")],
      this.#length++ * COLUMNS,
    );
  }

  /** All entries. */
  entries(): Entry[] {
    return Array.from({ length: this.#length }, (_, row) => {
      const cells = this.#cells.subarray(row * COLUMNS, (row + 1) * COLUMNS);
      return [...cells] as unknown as Entry;
    });
  }
}

/** What the comparison of the books of both ends says. */
export interface Verdict {
  /** Connections that both ends know. */
  readonly connections: number;
  /** Bytes that came, all of them in their places. */
  readonly came: number;
  /** Bytes that had to come: those of writes that resolved, unless somebody cut or stopped reading. */
  readonly owed: number;
  /** How many of these did not come. */
  readonly lost: number;
  /**
   * Bytes of answers that did not come to clients which went on sending after the server's end: a system resets
   * a connection on which more comes than anybody will read.
   */
  readonly overtaken: number;
  /** Everything that is not as it must be. */
  readonly problems: readonly string[];
}

/** Compares the books of the clients with those of the server. */
export function compare(clients: readonly Entry[], servers: readonly Entry[]): Verdict {
  const problems: string[] = [];
  const open = new Map<number, Entry>();
  for (const entry of servers) {
    if (open.has(entry[0])) problems.push(`stream ${entry[0]}: served twice`);
    open.set(entry[0], entry);
  }
  let connections = 0;
  let owed = 0;
  let came = 0;
  let lost = 0;
  let overtaken = 0;
  for (const entry of clients) {
    const client = opened(entry);
    const found = open.get(client.stream);
    const say = (what: string) => problems.push(`stream ${client.stream}: ${what}`);
    if (client.isWrong) say("the client got bytes that were not sent");
    if (found === undefined) {
      // What a stopped server never accepted is lost to it, and the client was promised nothing.
      if (!client.isLate && client.end !== "cut") say("made, and never served");
      if (client.received > 0) say("answered, but not by the server");
      continue;
    }
    open.delete(client.stream);
    const server = opened(found);
    connections++;
    came += client.received + server.received;
    if (server.isWrong) say("the server got bytes that were not sent");
    if (server.received > client.offered) say("the server got more than was given");
    if (client.received > server.offered) say("the client got more than was given");
    if (server.end === "aborted") say("the server did not finish it in time");
    if (client.end === "cut" || server.end === "cut") continue;
    if (server.sawEnd) owed += client.promised;
    const sentOn = client.isLate && client.end === "broken" && client.offered > server.received;
    if (server.end === "closed" && sentOn) {
      overtaken += server.promised - client.received;
      continue;
    }
    if (server.end === "closed") owed += server.promised;
    if (server.sawEnd && server.received < client.promised) {
      lost += client.promised - server.received;
      say(`the server got ${server.received} of ${client.promised} bytes`);
    }
    if (server.end === "closed" && client.received < server.promised) {
      lost += server.promised - client.received;
      say(
        `the client got ${client.received} of ${server.promised} bytes, and it ended "${client.end}"`,
      );
    }
    if (!client.isLate && (client.end !== "closed" || server.end !== "closed")) {
      say(
        `nobody cut it, and it ended "${client.end}" for the client, "${server.end}" for the server`,
      );
    } else if (!client.isLate && !server.sawEnd) say("the server ended it for no reason");
  }
  for (const stream of open.keys()) problems.push(`stream ${stream}: served, but nobody's`);
  return { connections, came, owed, lost, overtaken, problems };
}

function opened([stream, offered, promised, received, flags, end]: Entry) {
  return {
    stream,
    offered,
    promised,
    received,
    isWrong: (flags & 1) !== 0,
    sawEnd: (flags & 2) !== 0,
    isLate: (flags & 4) !== 0,
    end: ENDS[end],
  };
}
