import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import { type ChooseVia, readVia, type Via } from "../../src/via/via.ts";

const TARGET = { host: "a.example", port: 80 };

async function namesFor(via: Via | ChooseVia, target = TARGET) {
  return (await readVia(via)(target))?.map(({ name }) => name);
}

Deno.test("readVia() takes one proxy, a chain, or a function that chooses", async () => {
  assertEquals(await namesFor("http://p.example"), ["http://p.example:80"]);
  assertEquals(await namesFor({ url: "http://p.example" }), ["http://p.example:80"]);
  assertEquals(
    await namesFor(["http://p.example", { url: "socks5://q.example" }]),
    ["http://p.example:80", "socks5://q.example:1080"],
  );
  const choose: ChooseVia = ({ host, port }) =>
    host === "a.example" ? undefined : Promise.resolve(`http://${host}:${port}`);
  assertEquals(await namesFor(choose), undefined);
  assertEquals(await namesFor(choose, { host: "b.example", port: 7 }), ["http://b.example:7"]);
});

Deno.test("readVia() refuses what is wrong at once, and names which", () => {
  assertThrows(() => readVia([]), TypeError, "via must be an array with at least one proxy");
  assertThrows(() => readVia(["http://a", 7 as never]), TypeError, "via[1] must be the URL");
  assertThrows(() => readVia(null as never), TypeError, "via must be the URL");
  assertThrows(() => readVia(["http://a", { uri: 1 } as never]), TypeError, "via[1] has no option");
  for (
    const via of [
      new URL("http://me:secret@a"),
      { url: new URL("http://me:secret@a") },
      [{ url: new URL("http://me:secret@a") }],
      [["http://me:secret@a"]],
      Object.assign([], { secret: "secret" }),
      new Map([["http://me:secret@a", 1]]),
    ]
  ) {
    const error = assertThrows(() => readVia(via as never), TypeError);
    assert(!Deno.inspect(error).includes("secret"), error.message);
  }
});

Deno.test("readVia() refuses a JavaScript proxy that was revoked, wherever it stands", () => {
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  for (
    const [via, name] of [
      [revoked, "via"],
      [[revoked], "via[0]"],
      [{ url: revoked }, "via.url"],
    ] as const
  ) {
    const told = `${name} must be the URL of a proxy: got a proxy that was revoked`;
    assertThrows(() => readVia(via as never), TypeError, told);
  }
});

Deno.test("readVia() says it when the function throws, or gives what is no proxy", async () => {
  const reason = new Error("no idea");
  for (
    const [choose, told, cause] of [
      [
        () => {
          throw reason;
        },
        "via threw: no idea",
        reason,
      ],
      [() => Promise.reject(reason), "via threw: no idea", reason],
      [() => "secret", "What the function of via gave is wrong: TypeError: via must begin with"],
      [() => null, "What the function of via gave is wrong: TypeError: via must be the URL"],
      [() => [], "via must be an array with at least one proxy"],
      [() => new URL("http://me:secret@a"), "via must be the URL of a proxy: got a URL object"],
      [() => Promise.resolve({ url: ["http://me:secret@a"] }), "via.url must be the URL"],
      [() => ({ "http://me:secret@a": 1 }), "via has an option with a wrong name"],
      [() => [{ url: new URL("http://me:secret@a") }], "via[0].url must be the URL of a proxy"],
      [() => [["http://me:secret@a"]], "via[0] must be the URL of a proxy: got an array"],
      [() => Object.assign([], { secret: "secret" }), "via must be an array with at least one"],
    ] as const
  ) {
    const error = await assertRejects(() => namesFor(choose as ChooseVia), GenericError, told);
    assertEquals(error.code, "handler");
    assert(!Deno.inspect(error).includes("secret"));
    if (cause !== undefined) assertEquals(error.cause, cause);
  }
});
