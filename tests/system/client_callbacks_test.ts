// Every function that users give to clients that last: whatever it does once, later requests are answered.

import { assert, assertEquals } from "@std/assert";
import {
  ClientPool,
  type ClientPoolConfig,
  ReconnectingClient,
  type ReconnectingClientConfig,
  Requests,
  type RequestsConfig,
} from "../../clients.ts";
import { awkwardErrors, awkwardThings } from "../support/awkward.ts";
import { DEEDS } from "../support/deeds.ts";
import { lines } from "../support/line_server.ts";
import { printedDuring } from "../support/printed_during.ts";
import { echo, type Place, served } from "../support/simulated_server.ts";

/** Uses clients with a function that misbehaves in its first call. */
type Trial = (place: Place, misbehaves: (otherwise?: unknown) => () => never) => Promise<void>;

function reconnecting(name: keyof ReconnectingClientConfig, otherwise?: unknown): Trial {
  return async (place, misbehaves) => {
    const more = {
      [name]: misbehaves(otherwise),
      prepareTimeoutInMillis: 50,
      redialDelayInMillis: 1,
    };
    await using client = new ReconnectingClient({ ...place, ...more });
    const connection = await client.ready();
    client.redial();
    await connection.close();
    await client.ready();
  };
}

function requests(
  name: keyof RequestsConfig<string, string>,
  otherwise?: unknown,
  more: RequestsConfig<string, string> = {},
): Trial {
  return async (place, misbehaves) => {
    const client = new ReconnectingClient({ ...place, redialDelayInMillis: 1 });
    await using asked = new Requests<string, string>(client, lines, {
      ...more,
      [name]: misbehaves(otherwise),
      timeoutInMillis: 100,
      closeTimeoutInMillis: 10,
    });
    await client.ready();
    asked.post("push");
    const named = (id: number) => more.idOf === undefined ? {} : { id };
    await asked.send("first", named(0)).catch(() => {});
    assertEquals(await asked.send("1", { ...named(1), isIdempotent: true }), "1");
  };
}

function pool(name: keyof ClientPoolConfig<unknown>, otherwise: unknown): Trial {
  return async (place, misbehaves) => {
    const config = { prepareTimeoutInMillis: 50, redialDelayInMillis: 1 };
    await using clients = new ClientPool(place, { ...config, [name]: misbehaves(otherwise) });
    for (let i = 0; i < 3; i++) await (await clients.acquire()).release();
    await using lease = await clients.acquire();
    await lease.connection.write("x");
    assertEquals((await lease.connection.read(1))[1], 1);
  };
}

const TRIALS: Record<string, Trial> = {
  "ReconnectingClientConfig.onUp": reconnecting("onUp"),
  "ReconnectingClientConfig.onDown": reconnecting("onDown"),
  "ReconnectingClientConfig.onState": reconnecting("onState"),
  "ReconnectingClientConfig.random": reconnecting("random", 0.5),
  "RequestsConfig.onPush": requests("onPush", undefined, { isPush: (line) => line === "push" }),
  "RequestsConfig.isPush": async (place, misbehaves) => {
    const client = new ReconnectingClient({ ...place, redialDelayInMillis: 1 });
    const isPush = misbehaves(false) as () => boolean;
    await using asked = new Requests<string, string>(client, lines, { isPush });
    await asked.send("first", { timeoutInMillis: 50 }).catch(() => {});
    assertEquals(await asked.send("1"), "1");
  },
  "RequestsConfig.isIdempotent": requests("isIdempotent", false, {
    idOf: (line) => {
      if (line === "first") throw new Error("so that it is asked");
      return line === "push" ? undefined : Number(line);
    },
  }),
  "RequestsConfig.idOf": async (place, misbehaves) => {
    const client = new ReconnectingClient({ ...place, redialDelayInMillis: 1 });
    const idOf = misbehaves("id") as () => string;
    await using asked = new Requests<string, string>(client, lines, { idOf });
    await asked.send("first", { timeoutInMillis: 50, id: "id" }).catch(() => {});
    assertEquals(await asked.send("1", { id: "id" }), "1");
  },
  "RequestsConfig.ping": requests("ping", "ping", { pingInMillis: 20 }),
  "ClientPoolConfig.onConnect": pool("onConnect", 1),
  "ClientPoolConfig.isHealthy": pool("isHealthy", true),
  "ClientPoolConfig.isReusable": pool("isReusable", true),
};

for (const [name, trial] of Object.entries(TRIALS)) {
  Deno.test(`${name} ends nothing but what it is about, whatever it does`, async () => {
    for (const [deed, misbehave] of Object.entries(DEEDS)) {
      const things = [...awkwardThings(), ...awkwardErrors()];
      for (const thrown of deed === "never settles" ? [undefined] : things) {
        const printed = await printedDuring(() =>
          served(echo, async ({ place }) => {
            let isFirst = true;
            await trial(place, (otherwise) => () => {
              if (!isFirst) return otherwise as never;
              isFirst = false;
              return misbehave(thrown) as never;
            });
          })
        );
        assert(printed.length <= 2, `${name} ${deed}: printed ${printed.length} times`);
      }
    }
  });
}
