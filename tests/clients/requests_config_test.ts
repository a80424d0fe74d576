import { assertEquals, assertThrows } from "@std/assert";
import { readRequestOptions, resolveRequests } from "../../src/clients/requests_config.ts";

Deno.test("resolveRequests() fills in the defaults", () => {
  const { maxInFlight, timeoutInMillis, pingInMillis } = resolveRequests({});
  assertEquals([maxInFlight, timeoutInMillis, pingInMillis], [1_000, 30_000, Infinity]);
  assertEquals(resolveRequests({ ping: "x", pingInMillis: 5 }).pingTimeoutInMillis, 5);
  // Ids stay free.
  assertEquals(resolveRequests({ idOf: () => 1, maxId: 255 }).maxId, 255);
});

Deno.test("resolveRequests() says what is wrong", () => {
  const wrong: [object, string][] = [
    [{ maxInFligth: 1 }, 'config has no option "maxInFligth": use maxInFlight'],
    [{ maxInFlight: 0 }, "maxInFlight must be"],
    [{ maxWaiting: 1.5 }, "maxWaiting must be"],
    [{ maxRepeats: -1 }, "maxRepeats must be an integer 0 or more"],
    [{ timeoutInMillis: 0 }, "timeoutInMillis must be"],
    [{ closeTimeoutInMillis: "1" }, "closeTimeoutInMillis must be a number"],
    [{ maxId: 5 }, "maxId must go together with idOf"],
    [{ idOf: () => 1, maxId: 0 }, "maxId must be"],
    [{ ping: "x" }, "must have both ping and pingInMillis"],
    [{ pingInMillis: 1 }, "must have both ping and pingInMillis"],
    [{ ping: "x", pingInMillis: 1, pingTimeoutInMillis: 0 }, "pingTimeoutInMillis must be"],
    ...["idOf", "isPush", "onPush", "isIdempotent"].map((name): [object, string] => [
      { [name]: "x" },
      `${name} must be a function`,
    ]),
  ];
  for (const [config, says] of wrong) {
    assertThrows(() => resolveRequests(config as never), Error, says);
  }
});

Deno.test("readRequestOptions() says what is wrong", () => {
  const wrong: [object, string][] = [
    [{ timeoutInMilli: 1 }, 'options has no option "timeoutInMilli": use timeoutInMillis'],
    [{ timeoutInMillis: 0 }, "timeoutInMillis must be"],
    [{ signal: 1 }, "signal must be an AbortSignal"],
    [{ isIdempotent: 1 }, "isIdempotent must be true or false"],
    [{ id: {} }, "id must be a number or a string"],
    [{ id: NaN }, "id must be a number or a string: got NaN"],
  ];
  for (const [options, says] of wrong) {
    assertThrows(() => readRequestOptions(options as never, true), Error, says);
  }
  assertThrows(() => readRequestOptions({ id: 1 }, false), TypeError, "together with idOf");
  const reason = new Error("no more");
  assertThrows(
    () => readRequestOptions({ signal: AbortSignal.abort(reason) }, true),
    Error,
    "no more",
  );
  assertEquals({ ...readRequestOptions({ id: "a" }, true) }, { id: "a" });
});
