// How a client of PostgreSQL logs in: a part of postgres_client.ts.

import { type Client, type Framed, framed } from "../mod.ts";
import { type Answer, type Command, errorIn, postgresCodec } from "./postgres_messages.ts";
import { scram } from "./scram.ts";

/** Where to, and as whom. */
export interface PostgresConfig {
  readonly host?: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database?: string;
}

/** A connection that is logged in. */
export type Session = Framed<Answer, Command>;

const VERSION = 3 << 16;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The next message. */
export async function next(session: Session): Promise<Answer> {
  const answer = await session.receive();
  if (answer === undefined) throw new Error("The server has closed the connection");
  return answer;
}

/** Logs in. */
export async function login(client: Client, config: PostgresConfig): Promise<Session> {
  const { user, password, database = user } = config;
  const session: Session = framed(client, postgresCodec);
  await session.send({ parts: [VERSION, "user", user, "database", database, ""] });
  const talk = scram(password);
  let isTrusted = false;
  for (;;) {
    const { type, body } = await next(session);
    if (type === "E") throw errorIn(body);
    if (type === "Z" && isTrusted) return session;
    if (type !== "R") continue; // what the server is set to
    const step = body.getUint32(0);
    body.skip(4);
    const said = decoder.decode(body.takeAll());
    if (step === 10 && said.includes("SCRAM-SHA-256\0")) {
      const first = encoder.encode(talk.first);
      await session.send({ type: "p", parts: ["SCRAM-SHA-256", first.length, first] });
    } else if (step === 11) {
      await session.send({ type: "p", parts: [encoder.encode(await talk.answer(said))] });
    } else if (step === 12) {
      talk.check(said);
      isTrusted = true;
    } else if (step > 0 || !isTrusted) {
      // A server that asks for less may not be the one that knows the password.
      throw new Error(`The server wants another login: ${step}`);
    }
  }
}
