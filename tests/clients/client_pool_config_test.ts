import { assertEquals, assertThrows } from "@std/assert";
import { ClientPool } from "../../clients.ts";
import { readPoolClose, resolvePool } from "../../src/clients/client_pool_config.ts";

type PoolPlace = ConstructorParameters<typeof ClientPool>[0];
type FieldOf<T> = T extends unknown ? keyof T : never;

const place = { host: "a.example", port: 1 };

Deno.test("resolvePool() fills in the defaults", () => {
  const settings = resolvePool(place, {});
  assertEquals([settings.maxClients, settings.idleTimeoutInMillis, settings.maxWaiting], [
    10,
    60_000,
    Infinity,
  ]);
});

Deno.test("ClientPool takes every place to connect to, and its type has no options that it refuses", () => {
  const made = [
    new ClientPool({ ...place, family: 4 }),
    new ClientPool({ hosts: ["a.example"], port: 1 }),
    new ClientPool({ srv: "_a._tcp.example", connectTimeoutInMillis: 1 }),
    new ClientPool({ path: "/a" }),
  ];
  assertEquals(made.map((pool) => pool.stats().made), [0, 0, 0, 0]);
  // This does not compile where the type has one of them.
  const hasNone: Extract<FieldOf<PoolPlace>, "signal" | "callbackService"> extends never ? true
    : false = true;
  assertEquals(hasNone, true);
});

Deno.test("resolvePool() says what is wrong", () => {
  const clients: [object, string][] = [
    [{}, "host must"],
    [{ ...place, signal: new AbortController().signal }, 'client has no option "signal"'],
    [{ ...place, callbackService: {} }, 'client has no option "callbackService"'],
  ];
  for (const [client, says] of clients) {
    assertThrows(() => resolvePool(client as never, {}), Error, says);
  }
  const wrong: [object, string][] = [
    [{ maxClient: 1 }, 'config has no option "maxClient": use maxClients'],
    [{ stableAfterInMillis: 1 }, 'config has no option "stableAfterInMillis"'],
    [{ maxClients: 0 }, "maxClients must be"],
    [{ maxWaiting: 0 }, "maxWaiting must be"],
    [{ idleTimeoutInMillis: 0 }, "idleTimeoutInMillis must be"],
    [{ acquireTimeoutInMillis: 0 }, "acquireTimeoutInMillis must be"],
    [{ prepareTimeoutInMillis: 0 }, "prepareTimeoutInMillis must be"],
    [{ maxAttempts: 0 }, "maxAttempts must be"],
    ...["onConnect", "isHealthy", "isReusable"].map((name): [object, string] => [
      { [name]: "x" },
      `${name} must be a function`,
    ]),
  ];
  for (const [config, says] of wrong) {
    assertThrows(() => resolvePool(place, config as never), Error, says);
  }
});

Deno.test("The options of a pool's close() say what is wrong", () => {
  assertThrows(
    () => readPoolClose({ deadlineInMilli: 1 } as never),
    TypeError,
    "use deadlineInMillis",
  );
  assertThrows(() => readPoolClose({ deadlineInMillis: 0 }), RangeError, "deadlineInMillis");
  assertEquals(readPoolClose({}), 15_000);
});
