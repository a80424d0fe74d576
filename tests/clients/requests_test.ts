import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { ReconnectingClient, RequestError, Requests } from "../../clients.ts";
import { type Caller, Client, framed, GenericError, LineCodec, Listener } from "../../mod.ts";
import { assertCode } from "../support/assert_code.ts";
import { type Asked, asked, lines, type OnLine } from "../support/line_server.ts";
import { printedDuring } from "../support/printed_during.ts";
import { echo, listen, served } from "../support/simulated_server.ts";

const REASON = new Error("no more");

Deno.test("Requests.send() gives each request its own answer, in order, many in one write", () =>
  asked(async ({ requests, callers }) => {
    const words = Array.from({ length: 3_000 }, (_, i) => `word ${i}`);
    const answers = await Promise.all(words.map((word) => requests.send(word)));
    assertEquals(answers, words.map((word) => word.toUpperCase()));
    assertEquals(await requests.send((id) => `number ${id}`), "NUMBER 3001");
    const { inFlight, waiting, answered, late } = requests.stats();
    assertEquals([inFlight, waiting, answered, late, callers.length], [0, 0, 3_001, 0, 1]);
  }));

Deno.test("Requests.send() drops the late answer of a request that was given up", async () => {
  const held: (() => void)[] = [];
  await asked(
    async ({ net, requests }) => {
      await requests.send("warm");
      const start = net.clock.now();
      const slow = requests.send("hold", { timeoutInMillis: 50 });
      const next = requests.send("next");
      const error = await assertRejects(() => slow, RequestError);
      assertEquals([error.code, error.hasLeft, net.clock.now() - start], ["timed-out", true, 50]);
      held.shift()!();
      assertEquals([await next, requests.stats().late], ["next", 1]);
      const controller = new AbortController();
      const aborted = requests.send("hold", { signal: controller.signal });
      await net.delay(10);
      controller.abort(REASON);
      assertEquals(await assertRejects(() => aborted, Error), REASON);
      held.shift()!();
      assertEquals([await requests.send("later"), requests.stats().late], ["later", 2]);
      // What is aborted already is never sent.
      const never = () => requests.send("never", { signal: controller.signal });
      assertEquals(await assertRejects(never, Error), REASON);
      assertEquals(requests.stats().answered, 3);
    },
    {},
    async (line, send) => {
      if (line === "hold") await new Promise<void>((resolve) => held.push(resolve));
      send(line);
    },
  );
});

Deno.test("Requests.send() gives answers by id, whatever their order", async () => {
  const sends: ((line: string) => void)[] = [];
  await asked(
    async ({ net, requests }) => {
      const ask = (word: string) => requests.send((id) => `${id} ${word}`);
      const [a, b, own] = [ask("a"), ask("b"), requests.send("x", { id: "own" })];
      const given = requests.send((id) => `${id} c`, { timeoutInMillis: 10 });
      await net.delay(1);
      const taken = await assertRejects(() => requests.send("y", { id: "own" }), RequestError);
      assertEquals([taken.code, taken.hasLeft], ["busy", false]);
      const error = await assertRejects(() => given, RequestError);
      assertMatch(error.message, /no answer within 10 ms; it had left/);
      for (const line of ["own x", "2 two", "3 late", "3 again", "77 nobody", "push", "1 one"]) {
        sends[0]!(line);
      }
      assertEquals([await a, await b, await own], ["1 one", "2 two", "own x"]);
      const { late, unexpected, pushed } = requests.stats();
      assertEquals([late, unexpected, pushed], [1, 2, 1]);
    },
    {
      idOf: (line) => {
        const [id, word] = line.split(" ");
        return word === undefined ? undefined : /^\d+$/.test(id!) ? Number(id) : id;
      },
    },
    (_line, send) => void sends.push(send),
  );
});

Deno.test("Requests keep to maxInFlight, and those that wait go out in order", async () => {
  let underWay = 0;
  let most = 0;
  const held: (() => void)[] = [];
  await asked(
    async ({ net, requests }) => {
      const order: string[] = [];
      const all = ["a", "b", "c", "d", "e"].map((word) =>
        requests.send(word).then((answer) => void order.push(answer))
      );
      const controller = new AbortController();
      const never = requests.send("never", { signal: controller.signal });
      const refused = await assertRejects(() => requests.send("too many"), RequestError);
      assertEquals([refused.code, refused.hasLeft], ["overflow", false]);
      controller.abort(REASON);
      assertEquals(await assertRejects(() => never, Error), REASON);
      while (order.length < 5) {
        await net.delay(1);
        for (const answer of held.splice(0)) answer();
      }
      await Promise.all(all);
      assertEquals([order, most], [["a", "b", "c", "d", "e"], 2]);
    },
    { maxInFlight: 2, maxWaiting: 6 },
    (line, send) => {
      most = Math.max(most, ++underWay);
      held.push(() => {
        underWay--;
        send(line);
      });
    },
  );
});

Deno.test("Requests repeat what may be repeated, and say of the others that they had left", async () => {
  const heard: string[] = [];
  await asked(
    async ({ requests, callers }) => {
      await requests.send("warm");
      const reads = ["read 1", "read 2"].map((line) => requests.send(line));
      const forced = requests.send("write 3", { isIdempotent: true });
      const forbidden = requests.send("read 4", { isIdempotent: false });
      const write = requests.send("write 5");
      const failed = Promise.all(
        [forbidden, write].map((one) => assertRejects(() => one, RequestError)),
      );
      await requests.send("write", { timeoutInMillis: 1 }).catch(() => {});
      callers[0]!.abort();
      for (const error of await failed) assertEquals([error.code, error.hasLeft], ["broken", true]);
      assertEquals(await Promise.all([...reads, forced]), ["read 1", "read 2", "write 3"]);
      assertEquals(requests.stats().repeated, 3);
      assertEquals(heard.slice(-3), ["read 1", "read 2", "write 3"]);
    },
    { isIdempotent: (line) => line.startsWith("read") },
    (line, send, caller) => {
      heard.push(line);
      if (caller.id === firstOf(caller) && line !== "warm") return;
      send(line);
    },
  );
});

/** The id of the first caller since it was forgotten. */
let first: number | undefined;
function firstOf({ id }: Caller): number {
  return first ??= id;
}

Deno.test("Requests repeat a request that ends its connection only so often", async () => {
  let times = 0;
  await asked(
    async ({ requests }) => {
      const poison = requests.send("poison");
      const error = await assertRejects(() => poison, RequestError);
      assertEquals([times, error.hasLeft, requests.stats().repeated], [3, true, 2]);
    },
    { isIdempotent: () => true, maxRepeats: 2 },
    (_line, _send, caller) => {
      times++;
      caller.abort();
    },
  );
});

const ENDS: Record<string, (asked: Asked) => unknown> = {
  "its time is over": () => {},
  "all is closed": ({ requests }) => requests.close(),
  "all is aborted": ({ requests }) => requests.abort(),
  "the client is aborted": ({ client }) => client.abort(),
};

for (const [what, end] of Object.entries(ENDS)) {
  Deno.test(`Requests say of one that had left and waits to be sent again that it had, when ${what}`, async () => {
    const heard: string[] = [];
    await asked(
      async (scene) => {
        const { net, requests, listener } = scene;
        const asking = assertRejects(() => requests.send("x"), RequestError);
        while (heard.length === 0) await net.delay(1);
        const never = assertRejects(() => requests.send("y"), RequestError);
        await listener.immediateStop();
        await net.delay(5);
        await end(scene);
        const error = await asking;
        assertEquals([heard, error.hasLeft, (await never).hasLeft], [["x"], true, false]);
        assertMatch(error.message, /it had left/);
      },
      {
        isIdempotent: () => true,
        maxInFlight: 1,
        timeoutInMillis: 200,
        closeTimeoutInMillis: 20,
      },
      (line) => void heard.push(line),
    );
  });
}

Deno.test("Requests say of one whose id was taken before it could be sent again that it had left", async () => {
  let first: Caller | undefined;
  await asked(
    async ({ net, requests, client }) => {
      const asking = assertRejects(() => requests.send("7 x", { id: 7 }), RequestError);
      while (first === undefined) await net.delay(1);
      const old = client.connection;
      client.redial();
      while (client.connection === undefined || client.connection === old) await net.delay(1);
      const other = assertRejects(() => requests.send("7 y", { id: 7 }), RequestError);
      await net.delay(5);
      first.abort();
      const error = await asking;
      assertEquals([error.code, error.hasLeft], ["busy", true]);
      requests.abort();
      await other;
    },
    { idOf: (line) => parseInt(line), isIdempotent: () => true },
    (_line, _send, caller) => void (first ??= caller),
  );
});

Deno.test("Requests send what had not left on the next connection, whatever it is", () =>
  asked(async ({ net, requests, listener, client }) => {
    await requests.send("warm");
    await listener.immediateStop();
    await net.delay(1);
    assertEquals(client.connection, undefined);
    const waiting = ["a", "b"].map((word) => requests.send(word));
    const late = assertRejects(() => requests.send("c", { timeoutInMillis: 5 }), RequestError);
    const error = await late;
    assertEquals([error.code, error.hasLeft], ["timed-out", false]);
    assertMatch(error.message, /not sent within 5 ms/);
    await listener.start();
    assertEquals(await Promise.all(waiting), ["A", "B"]);
  }));

Deno.test("Requests fail no request when a server drains and ends", () =>
  asked(async ({ net, listener, requests }) => {
    const answers: Promise<string>[] = [];
    for (let i = 0; i < 20; i++) {
      answers.push(requests.send(`${i}`));
      await net.delay(1);
      if (i % 5 !== 4) continue;
      // What leaves when the server has begun to stop may be lost.
      while (requests.stats().waiting > 0) await net.delay(1);
      await net.delay(1);
      await listener.gracefulStop();
      await listener.start();
    }
    assertEquals(await Promise.all(answers), answers.map((_, i) => `${i}`));
    assertEquals(requests.stats().repeated, 0);
  }));

Deno.test("Requests finish on the old connection when the client redials", async () => {
  const held: (() => void)[] = [];
  const pushed: string[] = [];
  await asked(
    async ({ net, client, requests, callers }) => {
      clientOf = client;
      const old = requests.send("old");
      await net.delay(5);
      callers[0]!.write("GOAWAY\n");
      await net.delay(50);
      const next = requests.send("next");
      await net.delay(1);
      assertEquals([callers.length, held.length, pushed], [2, 2, ["GOAWAY"]]);
      held[1]!();
      held[0]!();
      assertEquals([await old, await next], ["old", "next"]);
      await net.delay(1);
      assert(client.connection !== undefined);
      assertEquals(await callers[0]!.closed, undefined);
    },
    {
      isPush: (line) => line === "GOAWAY",
      onPush(line) {
        pushed.push(line);
        clientOf!.redial();
      },
    },
    (line, send, _caller) => void held.push(() => send(line)),
  );
});

Deno.test("Requests send nothing more on a connection that is being replaced, in the same turn already", async () => {
  const heard: string[] = [];
  const numbers = new Map<Caller, number>();
  await asked(
    async ({ client, requests, callers }) => {
      await requests.send("warm");
      client.redial();
      assertEquals(requests.post("lost"), false);
      await requests.send("next");
      assertEquals(callers.length, 2);
      assertEquals(heard, ["1 warm", "2 next"]);
    },
    {},
    (line, send, caller) => {
      if (!numbers.has(caller)) numbers.set(caller, numbers.size + 1);
      heard.push(`${numbers.get(caller)} ${line}`);
      send(line);
    },
  );
});

for (const way of ["close", "abort"] as const) {
  Deno.test(`ReconnectingClient.${way}() ends a replaced connection whose answers Requests await`, () =>
    asked(
      async ({ net, client, requests, callers }) => {
        const asking = assertRejects(() => requests.send("a"), RequestError);
        await net.delay(5);
        client.redial();
        while (callers.length < 2) await net.delay(1);
        await client[way]();
        await client.closed;
        assertEquals((await asking).hasLeft, true);
        await net.delay(5);
        assertEquals(callers.map(({ signal }) => signal.aborted), [true, true]);
      },
      {},
      () => {},
    ));
}

let clientOf: ReconnectingClient | undefined;

Deno.test("Requests find a peer that is silent, by a ping", async () => {
  const heard: string[] = [];
  await asked(
    async ({ net, requests, callers }) => {
      await requests.send("a");
      await net.delay(1_000);
      // Its answers count as signs of life, and are nobody's.
      assert(heard.filter((line) => line === "ping").length >= 4);
      assertEquals(callers.length, 1);
      const stuck = await assertRejects(() => requests.send("stop"), RequestError);
      assertEquals([stuck.code, stuck.hasLeft], ["timed-out", true]);
      assertMatch(stuck.message, /nothing came for 50 ms after a ping/);
      assertEquals(await requests.send("b"), "b");
      assertEquals(requests.stats().late + requests.stats().unexpected, 0);
    },
    { ping: "ping", pingInMillis: 100, pingTimeoutInMillis: 50 },
    async (line, send) => {
      heard.push(line);
      if (line === "stop") await new Promise(() => {});
      send(line);
    },
  );
});

// A server that is killed ends its stream anywhere, and what is left of an answer may look like another one's.
Deno.test("Requests take nothing for an answer that the end of the stream has cut off", async () => {
  const cut: OnLine = async (line, _send, caller) => {
    if (!line.startsWith("12 ")) return;
    await caller.write("12 whole\n1"); // of "11 whole"
    await caller.close();
  };
  const idOf = (line: string) => Number(line.split(" ")[0]);
  await asked(
    async ({ requests }) => {
      const asking = Array.from({ length: 12 }, () => requests.send((id) => `${id} ask`));
      const ends = await Promise.allSettled(asking);
      assertEquals(ends.pop(), { status: "fulfilled", value: "12 whole" });
      for (const end of ends) {
        const error = end.status === "rejected" ? end.reason : end.value;
        assert(error instanceof RequestError, `${error}`);
        assertEquals([error.code, error.hasLeft], ["frame", true]);
      }
      assertEquals(requests.stats().answered, 1);
    },
    { idOf },
    cut,
  );
  await asked(
    async ({ requests }) => {
      const error = await assertRejects(() => requests.send("12 once"), RequestError);
      assertMatch(error.message, /the stream ended 1 bytes into the frame/);
      await assertRejects(() => requests.send("12 twice", { isIdempotent: true }), RequestError);
      assertEquals(requests.stats().repeated, 1);
    },
    { maxRepeats: 1 },
    async (_line, _send, caller) => {
      await caller.write("1");
      await caller.close();
    },
  );
});

Deno.test("Requests end a connection whose answers cannot be told apart any more", async () => {
  await asked(
    async ({ net, requests, callers }) => {
      assertEquals(await requests.send("twice"), "twice");
      await net.delay(50);
      assertEquals([callers.length, requests.stats().unexpected], [2, 1]);
      // A bad frame is an answer that cannot be read.
      const error = await assertRejects(() => requests.send("long"), RequestError);
      assertEquals(error.code, "frame");
      assertEquals(await requests.send("fine"), "fine");
    },
    {},
    (line, send, caller) => {
      if (line === "long") return caller.write("x".repeat(2_000_000));
      send(line);
      if (line === "twice") send(line);
      return undefined;
    },
  );
});

for (const left of ["GREETING\n", "GREETING\nMORE\n", "GREET"]) {
  Deno.test(`Requests take nothing for an answer that came before: ${JSON.stringify(left)}`, () => {
    const heard: string[] = [];
    return served(async (caller, number) => {
      if (number <= 2) await caller.write(left);
      for await (const line of framed(caller, lines)) {
        heard.push(`${number} ${line}`);
        await caller.write(`${line.toUpperCase()}\n`);
      }
    }, async ({ net, place }) => {
      const client = new ReconnectingClient({
        ...place,
        redialDelayInMillis: 10,
        onUp: () => net.delay(50),
      });
      await using requests = new Requests<string, string>(client, lines);
      const sent = ["a", "b", "c"].map((line) => requests.send(line));
      assertEquals(await Promise.all(sent), ["A", "B", "C"]);
      assertEquals([heard, requests.stats().unexpected], [["3 a", "3 b", "3 c"], 2]);
    });
  });

  for (const way of ["unread", "read ahead", "peeked"]) {
    Deno.test(`Requests on a connection end with what is ${way}: ${JSON.stringify(left)}`, () => {
      const heard: number[] = [];
      return served(async (caller) => {
        await caller.write(left);
        for await (const bytes of caller) heard.push(bytes.length);
      }, async ({ net, place }) => {
        const connection = await Client.connect(place);
        if (way === "read ahead") assert(!connection.signal.aborted);
        await net.delay(50);
        if (way === "peeked") await connection.peek(1);
        const requests = new Requests<string, string>(connection, lines);
        const error = await assertRejects(() => requests.send("a"), RequestError);
        assertEquals([error.code, error.hasLeft], ["frame", false]);
        assertMatch(error.message, /answer came that no request waits for; none of it had left$/);
        assertEquals((await requests.closed)?.code, "frame");
        assertEquals([heard, requests.stats().unexpected], [[], 1]);
      });
    });
  }
}

Deno.test("Requests end a connection on which a part of an answer came for nobody", () =>
  asked(
    async ({ net, requests, callers }) => {
      assertEquals(await requests.send("a"), "a");
      await callers[0]!.write("b");
      await net.delay(50);
      assertEquals(await requests.send("c"), "c");
      assertEquals([callers.length, requests.stats().unexpected], [2, 1]);
    },
    {},
    (line, send) => send(line),
  ));

Deno.test("Requests that were never sent say what the connections have ended with", () =>
  served(async (caller) => {
    await caller.write("GREETING\n");
    await listen(caller);
  }, async ({ net, place }) => {
    const downs: string[] = [];
    const client = new ReconnectingClient({
      ...place,
      onUp: () => net.delay(50),
      onDown: ({ error }) => downs.push((error as GenericError).code),
    });
    const requests = new Requests<string, string>(client, lines);
    const error = await assertRejects(
      () => requests.send("a", { timeoutInMillis: 5_000 }),
      RequestError,
    );
    assertEquals([error.code, error.hasLeft], ["timed-out", false]);
    assertMatch(`${error.cause}`, /an answer came that no request waits for/);
    // Nobody has aborted anything.
    assertEquals([downs.length > 1, new Set(downs)], [true, new Set(["frame"])]);
    requests.abort();
  }));

Deno.test("Requests with ids or pushes go on with what came before", () => {
  const pushed: string[] = [];
  const idOf = (line: string) => line.startsWith("#") ? undefined : parseInt(line);
  const isPush = (line: string) => line.startsWith("#");
  return served(async (caller, number) => {
    await caller.write(number === 1 ? "1 of the login\n# a\n# b" : "# a\n# b");
    for await (const line of framed(caller, lines)) await caller.write(`\n${line}\n`);
  }, async ({ net, place }) => {
    const onPush = (line: string) => void pushed.push(line);
    for (const config of [{ idOf, onPush }, { isPush, onPush }]) {
      const connection = await Client.connect(place);
      await net.delay(50);
      await using requests = new Requests<string, string>(connection, lines, config);
      assertEquals(await requests.send((id) => `${id} of mine`), "1 of mine");
      assertEquals(pushed.splice(0), ["# a", "# b"]);
      assertEquals(requests.stats().unexpected, "idOf" in config ? 1 : 0);
    }
  });
});

Deno.test("Requests on a connection that was just taken have room for as many as later", () =>
  served(echo, async ({ place }) => {
    const config = { maxInFlight: 2, maxWaiting: 3 };
    await using requests = new Requests<string, string>(await Client.connect(place), lines, config);
    const sent = ["a", "b", "c", "d", "e"].map((line) => requests.send(line));
    const error = await assertRejects(() => requests.send("f"), RequestError);
    assertEquals([error.code, error.hasLeft], ["overflow", false]);
    assertEquals(await Promise.all(sent), ["a", "b", "c", "d", "e"]);
  }));

Deno.test("Requests look for what has come on a socket of the system, too", async () => {
  await using listener = new Listener(0, { interface: "127.0.0.1" });
  const written = Promise.withResolvers<void>();
  await listener.serve(async (caller) => {
    await caller.write("GREETING\n");
    written.resolve();
    await echo(caller);
  });
  const connection = await Client.connect({ host: "127.0.0.1", port: listener.port });
  await written.promise;
  await connection.peek(1);
  const peeked = new Requests<string, string>(connection, lines);
  await assertCode("frame", peeked.send("a"));
  await peeked.close();
});

for (const name of ["idOf", "isPush"] as const) {
  Deno.test(`Requests end the connection when ${name} throws, without a storm`, () =>
    asked(async ({ net, requests, callers }) => {
      const error = await assertRejects(
        () => requests.send(() => "x", { timeoutInMillis: 5_000 }),
        RequestError,
      );
      assertEquals([error.code, error.hasLeft], ["handler", true]);
      assertMatch(error.message, new RegExp(`${name} threw: odd`));
      await net.delay(1_000);
      assertEquals(callers.length, 2);
    }, {
      [name]: () => {
        throw new Error("odd");
      },
    }));
}

Deno.test("Requests that nobody answers say how many answers came with other ids", () =>
  asked(
    async ({ net, requests }) => {
      const failed = (text: string) =>
        assertRejects(() => requests.send((id) => `${id} ${text}`), RequestError);
      const [first, second] = await Promise.all([failed("a"), failed("b")]);
      for (const { message } of [first, second]) {
        assertEquals(
          message,
          "Request failed: no answer within 50 ms (2 answers came whose id nobody waits for: " +
            "does idOf give the ids that were sent?); it had left, and may have been handled",
        );
      }
      assertEquals(requests.stats().unexpected, 2);
      await net.delay(1);
      // One that answers nothing known is a stranger, too.
      assertMatch((await failed("silent")).message, /\(2 answers came/);
    },
    { idOf: (line) => line.split(" ")[0]!, timeoutInMillis: 50 },
    (line, send) => {
      if (!line.endsWith("silent")) send(line);
    },
  ));

Deno.test("Requests that nobody answers say nothing of other ids where none came", () =>
  asked(
    async ({ requests }) => {
      const { message } = await assertRejects(
        () => requests.send((id) => `${id}`),
        RequestError,
      );
      assertEquals(
        message,
        "Request failed: no answer within 50 ms; it had left, and may have been handled",
      );
    },
    { idOf: Number, timeoutInMillis: 50 },
    () => {},
  ));

Deno.test("Requests end the connection when idOf gives what is no id", () =>
  asked(async ({ requests }) => {
    const { code, message } = await assertRejects(
      () => requests.send((id) => `answer ${id}`),
      RequestError,
    );
    assertEquals(code, "handler");
    assertMatch(message, /idOf threw: idOf must give a number, a string or undefined: got NaN/);
  }, { idOf: (line) => parseInt(line) }));

Deno.test("Requests.send() with idOf wants a function of the id, or the id", () =>
  asked(async ({ requests }) => {
    for (const options of [undefined, {}, { timeoutInMillis: 5 }]) {
      await assertRejects(
        () => requests.send("1 a", options),
        TypeError,
        "message must be a function that makes it of an id, or go together with { id }",
      );
    }
    await assertRejects(() => requests.send(Promise.reject(REASON) as never), TypeError, "await");
    await assertRejects(() => requests.send("1 a", { id: NaN }), TypeError, "got NaN");
    assertEquals(requests.stats().waiting, 0);
    assertEquals(await requests.send("1 a", { id: 1 }), "1 A");
    assertEquals(await requests.send((id) => `${id} b`), "1 B");
  }, { idOf: (line) => parseInt(line) }));

Deno.test("Requests.send() rejects with what cannot be sent, and harms nobody", () =>
  asked(async ({ requests }) => {
    const good = requests.send("good");
    await assertCode("frame", requests.send("two\nlines"));
    await assertRejects(() => requests.send(5 as never), TypeError);
    await assertRejects(() => requests.send(Promise.resolve("x") as never), TypeError, "await it");
    const thrown = new Error("cannot make it");
    const make = () => {
      throw thrown;
    };
    assertEquals(await assertRejects(() => requests.send(make), Error), thrown);
    await assertRejects(() => requests.send("x", { id: 1 }), TypeError, "together with idOf");
    assertEquals([await good, await requests.send("again")], ["GOOD", "AGAIN"]);
  }));

Deno.test("Requests.post() sends at once or not at all", async () => {
  const heard: string[] = [];
  await asked(
    async ({ net, client, requests }) => {
      assertEquals(requests.post("early"), false);
      await client.ready();
      assertEquals(requests.post("one-way"), true);
      assertThrows(() => requests.post("two\nlines"), Error, "Cannot encode");
      assertEquals(await requests.send("a"), "a");
      assertEquals(heard, ["one-way", "a"]);
      await net.delay(1);
    },
    {},
    (line, send) => {
      heard.push(line);
      if (line !== "one-way") send(line);
    },
  );
});

Deno.test("Requests.close() waits for answers, and not for ever", async () => {
  await asked(
    async ({ net, client, requests }) => {
      const answered = requests.send("slow");
      const stuck = requests.send("stuck");
      await net.delay(1);
      const closing = requests.close();
      const refused = await assertRejects(() => requests.send("more"), RequestError);
      assertEquals([refused.code, refused.hasLeft], ["closed", false]);
      assertEquals(await answered, "slow");
      const error = await assertRejects(() => stuck, RequestError);
      assertEquals([error.code, error.hasLeft], ["closed", true]);
      await closing;
      assertEquals([client.state.kind, await requests.closed], ["closed", undefined]);
      await requests.close();
    },
    { closeTimeoutInMillis: 1_000 },
    async (line, send) => {
      if (line === "stuck") await new Promise(() => {});
      send(line);
    },
  );
});

Deno.test("Requests.abort() ends everything at once", () =>
  asked(async ({ requests, client }) => {
    const [a, b] = [requests.send("a"), requests.send("b")];
    requests.abort(REASON);
    for (const one of [a, b]) {
      const error = await assertRejects(() => one, RequestError);
      assertEquals([error.code, error.hasLeft], ["aborted", false]);
    }
    assertEquals((await requests.closed)?.cause, REASON);
    assertEquals((await client.closed)?.cause, REASON);
  }));

Deno.test("Requests fail with what made the client give up", () =>
  served(listen, async ({ place }) => {
    const client = new ReconnectingClient({ ...place, port: 81, maxAttempts: 2 });
    await using requests = new Requests<string, string>(client, lines);
    const error = await assertRejects(() => requests.send("x"), RequestError);
    assertEquals([error.code, error.hasLeft], ["unreachable", false]);
    assertEquals((await requests.closed)?.code, "unreachable");
    assertEquals((await assertRejects(() => requests.send("x"), RequestError)).code, "unreachable");
    const late = new Requests<string, string>(
      new ReconnectingClient({ ...place, signal: AbortSignal.abort(REASON) }),
      lines,
    );
    assertEquals((await late.closed)?.code, "aborted");
  }));

Deno.test("Requests on one connection end with it", () =>
  served(async (caller) => {
    for await (const bytes of caller) {
      if (bytes[0] === 0x21) return caller.abort();
      await caller.write(bytes);
    }
  }, async ({ place }) => {
    const requests = new Requests<string, string>(await Client.connect(place), new LineCodec(), {
      isIdempotent: () => true,
    });
    assertEquals(await requests.send("hello"), "hello");
    const error = await assertRejects(() => requests.send("!"), RequestError);
    assertEquals([error.code, error.hasLeft], ["broken", true]);
    assertEquals((await requests.closed)?.code, "broken");
    await requests.close();
    await using polite = new Requests<string, string>(await Client.connect(place), lines);
    assertEquals(await polite.send("x"), "x");
  }));

Deno.test("Requests print what isIdempotent throws, and do not repeat", async () => {
  const printed = await printedDuring(() =>
    asked(async ({ requests, callers }) => {
      const lost = requests.send("x");
      const error = await assertRejects(() => lost, RequestError);
      assertEquals([error.hasLeft, callers.length], [true, 1]);
    }, {
      isIdempotent: () => {
        throw REASON;
      },
    }, (_line, _send, caller) => caller.abort())
  );
  assertEquals(printed, [REASON]);
});

Deno.test("Requests need one timer for any number of deadlines", () =>
  asked(async ({ net, requests, client }) => {
    await client.ready();
    const before = net.leftBehind.length;
    const all = Array.from(
      { length: 500 },
      (_, i) => requests.send(`${i}`, { timeoutInMillis: 1_000 + i }),
    );
    assertEquals(net.leftBehind.length, before);
    await Promise.all(all);
  }));

Deno.test("ReconnectingClient has one Requests at most", () =>
  served(listen, async ({ place }) => {
    const client = new ReconnectingClient(place);
    const requests = new Requests(client, lines);
    const error = assertThrows(() => new Requests(client, lines), GenericError);
    assertEquals(error.code, "busy");
    await requests.close();
  }));

Deno.test("A connection has one Requests at most, and the first goes on", () =>
  served(echo, async ({ place }) => {
    const connection = await Client.connect(place);
    await using requests = new Requests<string, string>(connection, lines);
    const error = assertThrows(() => new Requests(connection, lines), GenericError);
    assertEquals([error.code, await requests.send("x")], ["busy", "x"]);
  }));
