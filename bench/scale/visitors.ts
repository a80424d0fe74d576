// Clients that connect, ask once and go, over and over, by Deno's own sockets: what each of them has met is counted.

/** What all of them have seen. */
export interface Seen {
  answered: number;
  /** Connections that were refused or reset. */
  broken: number;
  /** Requests without an answer, for whatever reason. */
  lost: number;
  /** The longest time from connecting to the answer. */
  slowestInMillis: number;
  /** In which way a request was lost, and how often. */
  readonly ways: Record<string, number>;
}

/** Clients that come until they are told to stop. */
export class Visitors {
  readonly seen: Seen = { answered: 0, broken: 0, lost: 0, slowestInMillis: 0, ways: {} };
  readonly #all: Promise<unknown>;
  #isOver = false;

  /** @param count How many at a time. @param port Where. */
  constructor(count: number, port: number) {
    const visits = Array.from({ length: count }, async () => {
      while (!this.#isOver) await this.#visit(port);
    });
    this.#all = Promise.all(visits);
  }

  /** Waits until so many more were answered. */
  async more(count: number): Promise<void> {
    const wanted = this.seen.answered + count;
    while (this.seen.answered < wanted) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Lets them go, and waits until they have. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#all;
  }

  async #visit(port: number): Promise<void> {
    const { seen } = this;
    const begun = performance.now();
    let step = "connect";
    let conn: Deno.TcpConn | undefined;
    try {
      conn = await Deno.connect({ hostname: "127.0.0.1", port });
      step = "ask";
      await conn.write(new Uint8Array([120]));
      step = "answer";
      const got = await conn.read(new Uint8Array(8));
      if (got === 1) {
        seen.answered++;
        seen.slowestInMillis = Math.max(seen.slowestInMillis, performance.now() - begun);
      } else {
        this.#lose(`${step}: the end`);
      }
    } catch (error) {
      seen.broken++;
      this.#lose(`${step}: ${(error as Error).name}`);
    } finally {
      conn?.close();
    }
  }

  #lose(way: string): void {
    this.seen.lost++;
    this.seen.ways[way] = (this.seen.ways[way] ?? 0) + 1;
  }
}
