// Our PostgreSQL client against a real server.

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { ByteQueue } from "../../codec.ts";
import { GenericError } from "../../mod.ts";
import { Postgres } from "../../examples/postgres_client.ts";
import { errorIn, textIn } from "../../examples/postgres_messages.ts";
import { scram } from "../../examples/scram.ts";
import { startExample } from "../support/example.ts";
import { missingPostgres, startPostgres } from "../support/postgres.ts";

const reason = await missingPostgres();
const name = "examples/postgres_client.ts logs in to PostgreSQL and asks it";
if (reason !== undefined) console.log(`skipped: ${name}: ${reason}`);

Deno.test({
  name,
  ignore: reason !== undefined,
  async fn(t) {
    const password = "Grüße, 'Welt'";
    await using server = await startPostgres(password);
    const config = { port: server.port, user: "tester", password, database: "postgres" };

    await t.step("queries", async () => {
      await using postgres = new Postgres(config);
      assertEquals(await postgres.query("SELECT $1::int + 1, $2, NULL", "41", "ü"), [
        ["42", "ü", null],
      ]);
      assertEquals(await postgres.query("SELECT 1 WHERE false"), []);
      assertEquals((await postgres.query("SELECT generate_series(1, 10000)")).length, 10_000);
      await assertRejects(() => postgres.query("SELEC"), Error, "syntax error");
      // An error that the server answers costs no connection.
      assertEquals(postgres.stats().made, 1);
      const numbers = Array.from({ length: 50 }, (_, i) => String(i));
      assertEquals(
        await Promise.all(numbers.map((number) => postgres.query("SELECT $1", number))),
        numbers.map((number) => [[number]]),
      );
      // Some may still be logging in.
      assert(postgres.stats().made <= 4);
    });

    await t.step("a connection that the server ends", async () => {
      await using postgres = new Postgres(config);
      const [[pid]] = await postgres.query("SELECT pg_backend_pid()") as [[string]];
      await using other = new Postgres(config);
      await other.query("SELECT pg_terminate_backend($1)", pid);
      while (postgres.stats().lost === 0) await other.query("SELECT 1");
      assertEquals(await postgres.query("SELECT 1"), [["1"]]);
      assertEquals(postgres.stats().made, 2);
    });

    await t.step("a query that ends its connection, and one with too many values", async () => {
      await using postgres = new Postgres(config);
      const query = "SELECT pg_terminate_backend(pg_backend_pid())";
      await assertRejects(() => postgres.query(query), Error, "(57P01)");
      const values = Array<string>(65_536).fill("1");
      await assertRejects(() => postgres.query("SELECT 1", ...values), RangeError, "65535 values");
      assertEquals(await postgres.query("SELECT 1"), [["1"]]);
    });

    await t.step("queries that would take the connection from others", async () => {
      await using postgres = new Postgres(config);
      await postgres.query("CREATE TABLE copied (a int)");
      for (const query of ["COPY copied FROM STDIN", "COPY copied TO STDOUT"]) {
        const copies = await Promise.allSettled(Array.from({ length: 5 }, () => {
          return postgres.query(query);
        }));
        for (const copy of copies) {
          assertMatch(
            String((copy as PromiseRejectedResult).reason),
            /^Error: Cannot COPY in a query$/,
          );
        }
      }
      await assertRejects(() => postgres.query("BEGIN"), Error, "a transaction open");
      const [[pid]] = await postgres.query("SELECT pg_backend_pid()") as [[string]];
      await postgres.query("INSERT INTO copied VALUES (1)");
      await using other = new Postgres(config);
      assertEquals(await other.query("SELECT a FROM copied"), [["1"]]);
      await assertRejects(() => postgres.query("SELECT 1/0"), Error, "division by zero");
      assertEquals(await postgres.query("SELECT pg_backend_pid()"), [[pid]]);
    });

    await t.step("a text with a zero, which would end it and begin another one", async () => {
      for (const key of ["user", "database"] as const) {
        const value = `${config[key]}\0options\0-c statement_timeout=1234`;
        await using postgres = new Postgres({ ...config, [key]: value });
        await assertRejects(
          () => postgres.query("SHOW statement_timeout"),
          Error,
          "Cannot encode: a text has a zero",
        );
      }
    });

    await t.step("a wrong password", async () => {
      await using postgres = new Postgres({ ...config, password: "wrong" });
      await assertRejects(
        () => postgres.query("SELECT 1"),
        Error,
        "password authentication failed",
      );
    });

    await t.step("as a program", async () => {
      await using postgres = new Postgres(config);
      await postgres.query("CREATE DATABASE tester");
      await using example = await startExample("postgres_client", {
        PORT: server.port,
        USER: "tester",
        PASSWORD: password,
      });
      const { code, stdout, stderr } = await example.ending();
      assertEquals([code, stdout, stderr], [0, '[ [ "42", "hello" ] ]\n', ""]);
    });
  },
});

Deno.test("scram() says what RFC 7677 says, and checks the server", async () => {
  const login = scram("pencil", "rOprNGfwEbeRWgbNEkqO");
  // Its example has a user's name, which PostgreSQL leaves empty: the proof differs, and nothing else.
  assertEquals(login.first, "n,,n=,r=rOprNGfwEbeRWgbNEkqO");
  const nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const said = await login.answer(`r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`);
  assertEquals(said.startsWith(`c=biws,r=${nonce},p=`), true);
  assertThrows(() => login.check("v=AAAA"), Error, "does not know the password");
  for (
    const challenge of [
      "",
      `r=other,s=AAAA,i=1`,
      `r=rOprNGfwEbeRWgbNEkqO,s=AAAA,i=1`,
      `r=${nonce},s=AAAA,i=9999999`,
    ]
  ) {
    await assertRejects(
      () => scram("pencil", "rOprNGfwEbeRWgbNEkqO").answer(challenge),
      Error,
      "is none",
    );
  }
});

Deno.test("examples/postgres_messages.ts refuses a text without its end, and says what the server said", () => {
  const bodyOf = (text: string) => {
    const body = new ByteQueue();
    body.push(new TextEncoder().encode(text));
    return body;
  };
  assertThrows(() => textIn(bodyOf("abc")), GenericError, "a text has no end");
  // Of each byte a field would have been made, after a look through all of the rest.
  assertThrows(() => errorIn(bodyOf("A".repeat(600_000))), GenericError, "a text has no end");
  assertEquals(errorIn(bodyOf("SERROR\0Mno\x1b[2J\0C42601\0\0")).message, "no?[2J (42601)");
  assertEquals(errorIn(bodyOf("\0")).message, "The server refuses, and does not say why");
  assertEquals(errorIn(bodyOf("Mno\0\0")).message, "no");
});
