// Requests whose user code does something to them: while a message is made, encoded, or perhaps repeated.

import { assertEquals, assertRejects } from "@std/assert";
import { ReconnectingClient, RequestError, Requests } from "../../clients.ts";
import { asked, lines } from "../support/line_server.ts";
import { echo, served } from "../support/simulated_server.ts";

const idOf = (line: string) => Number(line.split(" ")[0]);

/** What a request has failed with, and whether it had left. */
async function failure(request: Promise<unknown>): Promise<unknown[]> {
  const { code, hasLeft } = await assertRejects(() => request, RequestError);
  return [code, hasLeft];
}

const ends = {
  "Requests.abort()": (requests: Requests<string, string>) => requests.abort(),
  "client.abort()": (_requests: unknown, client: ReconnectingClient) => client.abort(),
  "client.close()": (_requests: unknown, client: ReconnectingClient) => void client.close(),
};
for (const [name, end] of Object.entries(ends)) {
  for (const isUp of [true, false]) {
    Deno.test(`Requests.send() settles when its function calls ${name}, ${isUp ? "at once" : "later"}`, () =>
      asked(async ({ requests, client }) => {
        if (isUp) await client.ready();
        const request = requests.send(() => {
          end(requests, client);
          return "x";
        });
        const [code, hasLeft] = await failure(request);
        assertEquals([code, hasLeft], [name === "client.close()" ? "closed" : "aborted", false]);
        const { inFlight, waiting } = requests.stats();
        assertEquals([inFlight, waiting], [0, 0]);
      }));
  }

  Deno.test(`Requests.send() settles when its codec calls ${name}`, () =>
    served(echo, async ({ place }) => {
      const client = new ReconnectingClient(place);
      await client.ready();
      const codec = {
        decoder: () => lines.decoder(),
        encode(line: string, frames: Parameters<typeof lines.encode>[1]) {
          if (line === "end") end(requests, client);
          lines.encode(line, frames);
        },
      };
      const requests = new Requests<string, string>(client, codec);
      const before = failure(requests.send("before"));
      const [code, hasLeft] = await failure(requests.send("end"));
      assertEquals([code, hasLeft], [name === "client.close()" ? "closed" : "aborted", false]);
      assertEquals((await before)[1], false);
      await requests.close();
      assertEquals(client.connection, undefined);
    }));

  Deno.test(`Requests settle when isIdempotent calls ${name}`, async () => {
    let scene: [Requests<string, string>, ReconnectingClient];
    await asked(
      async ({ requests, client }) => {
        scene = [requests, client];
        await client.ready();
        const both = [failure(requests.send("a")), failure(requests.send("b"))];
        for (const [, hasLeft] of await Promise.all(both)) assertEquals(hasLeft, true);
        const { inFlight, waiting, repeated } = requests.stats();
        assertEquals([inFlight, waiting, repeated], [0, 0, 0]);
      },
      {
        isIdempotent() {
          end(...scene);
          return true;
        },
      },
      (_line, _send, caller) => caller.abort(),
    );
  });
}

Deno.test("Requests.close() in a function of send() waits for its answer", () =>
  asked(async ({ requests, client }) => {
    await client.ready();
    let closing: Promise<void> | undefined;
    const answer = requests.send(() => {
      closing = requests.close();
      return "x";
    });
    assertEquals(await answer, "X");
    await closing;
    assertEquals(requests.stats().answered, 1);
  }));

Deno.test("Requests.close() in a function of send() that throws waits for nothing", () =>
  asked(async ({ net, requests, client }) => {
    await client.ready();
    const before = net.clock.now();
    let closing: Promise<void> | undefined;
    const answer = requests.send(() => {
      closing = requests.close();
      throw new RangeError("odd");
    });
    await assertRejects(() => answer, RangeError);
    await closing;
    assertEquals(net.clock.now() - before < 1_000, true);
  }));

Deno.test("Requests.close() in isIdempotent waits for what is sent again", async () => {
  let requestsOf: Requests<string, string> | undefined;
  let calls = 0;
  await asked(
    async ({ requests, client }) => {
      requestsOf = requests;
      await client.ready();
      const both = [requests.send("a"), requests.send("b")];
      assertEquals(await Promise.all(both), ["a", "b"]);
      assertEquals(requests.stats().repeated, 2);
    },
    {
      isIdempotent() {
        void requestsOf!.close();
        return true;
      },
    },
    (line, send, caller) => ++calls === 1 ? caller.abort() : send(line),
  );
});

for (const ids of [false, true]) {
  Deno.test(`Requests.send() drops a request given up in its function, ${ids ? "by id" : "in order"}`, () =>
    asked(async ({ requests, client }) => {
      await client.ready();
      const controller = new AbortController();
      const gone = requests.send((id) => {
        controller.abort(new RangeError("enough"));
        return `${id} gone`;
      }, { signal: controller.signal });
      await assertRejects(() => gone, RangeError, "enough");
      assertEquals(requests.stats().inFlight, 0);
      const inner: Promise<string>[] = [];
      const outer = requests.send((id) => {
        inner.push(requests.send((id) => `${id} inner`));
        return `${id} outer`;
      });
      assertEquals(await outer, "2 OUTER");
      assertEquals(await inner[0], "3 INNER");
      const { late, unexpected, waiting } = requests.stats();
      assertEquals([late, unexpected, waiting], [0, 0, 0]);
    }, ids ? { idOf } : {}));
}

Deno.test("Requests.send() refuses an id that the request around it has", () =>
  asked(async ({ requests, client }) => {
    await client.ready();
    let inner: Promise<unknown[]> | undefined;
    const outer = requests.send(() => {
      inner = failure(requests.send("5 inner", { id: 5 }));
      return "5 outer";
    }, { id: 5 });
    assertEquals([await outer, await inner], ["5 OUTER", ["busy", false]]);
  }, { idOf }));

Deno.test("Requests wait when every id is out, and get no other request's answer", async () => {
  const held: (() => void)[] = [];
  await asked(
    async ({ net, requests, client }) => {
      await client.ready();
      const old = Array.from(
        { length: 3 },
        (_, i) => failure(requests.send((id) => `${id} hold ${i}`, { timeoutInMillis: 50 })),
      );
      for (const one of old) assertEquals(await one, ["timed-out", true]);
      for (const word of ["a", "b", "c"]) {
        assertEquals(await requests.send((id) => `${id} ${word}`), `4 ${word}`);
      }
      const stuck = requests.send((id) => `${id} hold`, { timeoutInMillis: 1_000 });
      const [waits, tooLate] = [
        requests.send((id) => `${id} d`),
        requests.send((id) => `${id} x`, { timeoutInMillis: 5 }),
      ];
      assertEquals(await failure(tooLate), ["timed-out", false]);
      await net.delay(10);
      assertEquals(requests.stats().waiting, 1);
      held[1]!();
      assertEquals(await waits, "2 d");
      held[3]!();
      assertEquals(await stuck, "4 hold");
      assertEquals([requests.stats().late, requests.stats().unexpected], [1, 0]);
    },
    { idOf, maxId: 4, closeTimeoutInMillis: 10 },
    (line, send) => {
      if (line.includes("hold")) held.push(() => send(line));
      else send(line);
    },
  );
});

Deno.test("Requests with one id, which is out, need none for a ping", async () => {
  await asked(
    async ({ requests, callers }) => {
      const [code] = await failure(requests.send((id) => `${id} stuck`));
      assertEquals(code, "timed-out");
      assertEquals(await requests.send((id) => `${id} fine`), "1 fine");
      assertEquals(callers.length, 2);
    },
    {
      idOf,
      maxId: 1,
      ping: (id) => `${id} ping`,
      pingInMillis: 100,
      pingTimeoutInMillis: 50,
    },
    (line, send) => {
      if (!line.includes("stuck")) send(line);
    },
  );
});
