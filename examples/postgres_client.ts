// A PostgreSQL client as a driver: a pool of connections, login by SCRAM-SHA-256, queries with parameters.
// Run: deno run --allow-net=127.0.0.1 examples/postgres_client.ts PORT USER PASSWORD

import { ClientPool, type ClientPoolStats } from "../clients.ts";
import { login, next, type PostgresConfig, type Session } from "./postgres_login.ts";
import { errorIn, rowIn } from "./postgres_messages.ts";

type Row = (string | null)[];

/** Their number has 16 bits. */
const MOST_VALUES = 65_535;

const encoder = new TextEncoder();
const short = (number: number) => Uint8Array.of(number >> 8, number);

export class Postgres implements AsyncDisposable {
  readonly #pool: ClientPool<Session>;

  constructor(config: PostgresConfig) {
    const { host = "127.0.0.1", port } = config;
    this.#pool = new ClientPool({ host, port }, {
      maxClients: 4,
      // A wrong password does not get better.
      maxAttempts: 1,
      onConnect: (client) => login(client, config),
    });
  }

  /**
   * Runs a query: "SELECT $1::int + 1". Gives the rows, each a list of texts. What it sets (SET, LISTEN), it sets for
   * whoever gets the connection next.
   */
  async query(sql: string, ...values: readonly (string | null)[]): Promise<Row[]> {
    const result = await this.#pool.use((_client, session) => run(session, sql, values));
    // The conversation was whole: its connection is kept.
    if (result instanceof Error) throw result;
    return result;
  }

  stats(): ClientPoolStats {
    return this.#pool.stats();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool.close();
  }
}

async function run(session: Session, sql: string, values: readonly (string | null)[]) {
  if (values.length > MOST_VALUES) throw new RangeError(`More than ${MOST_VALUES} values`);
  const parameters = values.flatMap((value) => {
    if (value === null) return [-1];
    const bytes = encoder.encode(value);
    return [bytes.length, bytes];
  });
  await session.sendAll([
    { type: "P", parts: ["", sql, short(0)] },
    { type: "B", parts: ["", "", short(0), short(values.length), ...parameters, short(0)] },
    { type: "E", parts: ["", 0] },
    { type: "S", parts: [] },
  ]);
  const rows: Row[] = [];
  let error: Error | undefined;
  for (;;) {
    // A server that ends the session says why, and closes.
    const { type, body } = await next(session).catch((broken) => {
      throw error ?? broken;
    });
    if (type === "D") rows.push(rowIn(body));
    else if (type === "E") error = errorIn(body);
    // What is thrown here ends the connection: nobody else gets it. "I" (73) is said where no transaction is open.
    else if ("GHW".includes(type)) throw new Error("Cannot COPY in a query");
    else if (type === "Z" && body.at(0) !== 73) throw new Error("It leaves a transaction open");
    else if (type === "Z") return error ?? rows;
  }
}

if (import.meta.main) {
  const [port, user = "", password = ""] = Deno.args;
  await using postgres = new Postgres({ port: Number(port), user, password });
  console.log(await postgres.query("SELECT $1::int + 1, 'hello'", "41"));
}
