// What a listener and a client survive in real processes: clients that reset before they were accepted, a full
// descriptor table, handlers that throw, wrong arguments, and what the system refuses.

import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Client, GenericError, Listener, type Service, UdpClient } from "../../mod.ts";
import { Authority } from "../support/certificates.ts";
import { echo } from "../support/echo.ts";
import { listening } from "../support/listening.ts";
import { Program } from "../support/program.ts";
import { text } from "../support/text.ts";

const support = (name: string) => new URL(`../support/${name}.ts`, import.meta.url).pathname;
const connect = (port: number) =>
  Client.connect({ host: "127.0.0.1", port, readTimeoutInMillis: 10_000 });

/** Writes something and reads it back. */
async function assertServed(client: Client, word = "still here"): Promise<void> {
  await client.write(word);
  const [bytes] = await client.read(word.length, { timeoutInMillis: 10_000 });
  assertEquals(text(bytes), word);
}

async function resetAll(port: number, count: number): Promise<void> {
  await using program = new Program("deno", [
    ..."run --no-prompt --allow-net=127.0.0.1".split(" "),
    support("resetting_clients"),
    `${port}`,
    `${count}`,
  ]);
  await program.line(/^All were reset$/);
}

Deno.test("Listener outlives 300 clients that reset before they were accepted", async () => {
  // They are deadly: raw accept() throws for each.
  using raw = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await resetAll(raw.addr.port, 1);
  await assertRejects(() => raw.accept(), Deno.errors.NotConnected);

  const calls: string[] = [];
  await using listener = new Listener(0, { interface: "127.0.0.1" });
  await listener.start();
  await resetAll(listener.port, 300); // nothing is accepted without a service
  listener.attach({ onConnect: () => void calls.push("onConnect"), ...echo });
  await using client = await connect(listener.port);
  await assertServed(client);
  assertEquals([calls, listener.connections.size], [["onConnect"], 1]);
});

Deno.test("Listener outlives 300 clients that reset as they are accepted, and forgets them", async () => {
  let opened = 0;
  let closed = 0;
  let allAreClosed = Promise.withResolvers<void>();
  await using listener = await listening({
    ...echo,
    onConnect() {
      opened++;
    },
    onClose() {
      if (++closed === opened) allAreClosed.resolve();
    },
  });
  await using before = await connect(listener.port);
  await assertServed(before);
  await resetAll(listener.port, 300);
  await assertServed(before);
  await using after = await connect(listener.port);
  await assertServed(after);
  await Promise.all([before.close(), after.close()]);
  // Clients in the middle may have made them equal before.
  while (closed < opened) {
    allAreClosed = Promise.withResolvers();
    await allAreClosed.promise;
  }
  assertEquals(listener.connections.size, 0);
});

Deno.test("Listener goes on with a full descriptor table, and serves all when there is room", async () => {
  await using server = new Program("sh", [
    "-c",
    'ulimit -n 64; exec "$@"',
    "sh",
    Deno.execPath(),
    ..."run --no-prompt --allow-net=127.0.0.1".split(" "),
    support("crowded_listener"),
  ], { lifetimeInMillis: 60_000 });
  const port = Number((await server.line(/^Listening on .*:(\d+)$/))[1]);
  await using first = await connect(port);
  await assertServed(first);

  const full = server.line(/^Refused: (\w+)$/);
  const clients = await Promise.all(Array.from({ length: 200 }, () => connect(port)));
  assertEquals((await full)[1], "EMFILE");
  await assertServed(first, "served while it is full");
  // Each makes room for another one when it has been served.
  await Promise.all(clients.map(async (client, i) => {
    await assertServed(client, `client ${i}`);
    await client.close();
  }));
  await using last = await connect(port);
  await assertServed(last);
  await Promise.all([first.close(), last.close()]);
  server.signal("SIGINT");
  assertEquals((await server.ending()).code, 0);
});

Deno.test("nothing that is done or fails for the first time ends a program without free descriptors", async () => {
  const authority = await Authority.make("Test Authority");
  const { cert, key } = await authority.sign();
  const expected = {
    dialTls: "limit",
    dialNodeTls: "limit",
    dialKeepAlive: "limit",
    listenTls: "limit",
    listenReusePort: "limit",
    uncaught: "done",
    nonsenseForServer: "handshake",
    nonsenseForClient: "handshake",
    upgrade: "done",
  };
  const seen = Object.keys(expected).map(async (kind) => {
    await using program = new Program("sh", [
      "-c",
      'ulimit -n 64; exec "$@"',
      "sh",
      Deno.execPath(),
      ..."run --no-prompt --allow-net=127.0.0.1 --allow-read=/dev/null".split(" "),
      support("crowded_first_use"),
      kind,
      authority.cert,
      cert,
      key,
    ], { lifetimeInMillis: 60_000 });
    const { code, stdout, stderr } = await program.ending();
    return [kind, code === 0 ? stdout.trim().split(": ")[1] : stderr];
  });
  assertEquals(Object.fromEntries(await Promise.all(seen)), expected);
});

Deno.test("Listener outlives a service that throws, whichever method and however", async () => {
  await using server = new Program("deno", [
    ..."run --no-prompt --allow-net=127.0.0.1".split(" "),
    support("throwing_listener"),
  ]);
  for (const method of ["onConnect", "onReadReady", "onError", "onClose"]) {
    for (const way of ["sync", "async"]) {
      const [, port] = await server.line(new RegExp(`^${way} ${method} on (\\d+)$`));
      await using neighbour = await connect(Number(port));
      await assertServed(neighbour);
      await using victim = await connect(Number(port));
      await victim.write("throw");
      // A polite end, not a reset, except for onClose, which follows this side's end.
      if (method !== "onClose") assertEquals((await victim.read())[1], -1, `${way} ${method}`);
      await victim.close();
      await server.line(new RegExp(`^Error: thrown by ${way} ${method}$`), "stderr");
      await assertServed(neighbour);
    }
  }
});

/** What a call throws at once, or its promise rejects with. */
async function failureOf(call: () => unknown, isAsync: boolean): Promise<unknown> {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    assertEquals(isAsync, false, "what returns a promise rejects and does not throw");
    return error;
  }
  assertEquals(result instanceof Promise, isAsync);
  return await Promise.resolve(result).then(() => undefined, (error) => error);
}

/** Calls with one wrong argument each: the error must have that class, and name the option and the value. */
async function assertRefused(
  call: (value: never) => unknown,
  isAsync: boolean,
  name: string,
  wrong: readonly (readonly [unknown, typeof TypeError | typeof RangeError, shown?: string])[],
): Promise<void> {
  for (const [value, errorClass, shown = String(value)] of wrong) {
    const error = await failureOf(() => call(value as never), isAsync);
    assertInstanceOf(error, errorClass, `${name} ${shown}`);
    assertEquals(error.constructor, errorClass, `${name} ${shown}`);
    assertStringIncludes(error.message.toLowerCase(), name.toLowerCase());
    assertStringIncludes(error.message, `got ${shown}`);
  }
}

const wrongNumbers = [
  [NaN, TypeError],
  ["80", TypeError, '"80"'],
  [null, TypeError],
  [{}, TypeError, "{}"],
  [80n, TypeError, "80n"],
  [1.5, RangeError],
  [-1, RangeError],
  [-Infinity, RangeError],
] as const;
/** An object in the place of a length is taken for the options. */
const wrongLengths = wrongNumbers.filter(([value]) => typeof value !== "object");
const wrongPorts = [...wrongNumbers, [65_536, RangeError], [Infinity, RangeError]] as const;
const wrongIntervals = [...wrongNumbers, [0, RangeError], [2_147_483_648, RangeError]] as const;
const wrongHosts = [
  [80, TypeError],
  [undefined, TypeError],
  ["", TypeError, '""'],
  ["two words", TypeError, '"two words"'],
  ["http://localhost", TypeError, '"http://localhost"'],
  ["localhost:80", TypeError, '"localhost:80"'],
  ["[::1", TypeError, '"[::1"'],
  ["a".repeat(256), TypeError, `"${"a".repeat(76)}...`],
] as const;

Deno.test("Client.connect() refuses wrong arguments at once, naming them, and opens nothing", async () => {
  const base = { host: "127.0.0.1", port: 1 };
  const withField = (name: string) => (value: never) => Client.connect({ ...base, [name]: value });
  await assertRefused((config: never) => Client.connect(config), true, "config", [
    [undefined, TypeError],
    [null, TypeError],
    ["localhost", TypeError, '"localhost"'],
  ]);
  await assertRefused(withField("port"), true, "port", [
    ...wrongPorts,
    [0, RangeError],
    [undefined, TypeError],
  ]);
  await assertRefused(withField("host"), true, "host", wrongHosts);
  for (
    const name of [
      "connectTimeoutInMillis",
      "readTimeoutInMillis",
      "writeTimeoutInMillis",
      "idleTimeoutInMillis",
      "closeTimeoutInMillis",
    ]
  ) {
    await assertRefused(withField(name), true, name, wrongIntervals);
  }
  await assertRefused(withField("maxQueuedBytes"), true, "maxQueuedBytes", [
    ...wrongNumbers,
    [0, RangeError],
  ]);
  await assertRefused(withField("allowHalfOpen"), true, "allowHalfOpen", [[1, TypeError]]);
  await assertRefused(withField("signal"), true, "signal", [[{}, TypeError, "{}"]]);
  await assertRefused(withField("network"), true, "network", [[null, TypeError]]);
  await assertRefused(withField("callbackService"), true, "service", [
    [null, TypeError],
    [() => {}, TypeError, "[Function (anonymous)]"],
  ]);
});

Deno.test("Listener refuses wrong arguments at once, naming them, and opens nothing", async () => {
  await assertRefused((port: never) => new Listener(port), false, "port", wrongPorts);
  const withField = (name: string) => (value: never) => new Listener(0, { [name]: value });
  await assertRefused(withField("interface"), false, "interface", wrongHosts.slice(2));
  await assertRefused(withField("backlog"), false, "backlog", [...wrongNumbers, [0, RangeError]]);
  await assertRefused(
    withField("readTimeoutInMillis"),
    false,
    "readTimeoutInMillis",
    wrongIntervals,
  );
  await assertRefused(withField("signal"), false, "signal", [["now", TypeError, '"now"']]);
  await assertRefused(withField("network"), false, "network", [[null, TypeError]]);
  await assertRefused((config: never) => new Listener(0, config), false, "config", [
    [null, TypeError],
    [300_000, TypeError],
  ]);
  const listener = new Listener(0, { interface: "127.0.0.1" });
  await assertRefused((options: never) => listener.gracefulStop(options), true, "options", [
    [null, TypeError],
    [15_000, TypeError],
  ]);
  await assertRefused(
    (deadlineInMillis: never) => listener.gracefulStop({ deadlineInMillis }),
    true,
    "deadlineInMillis",
    wrongIntervals,
  );
});

Deno.test("Listener.attach() refuses what is no service, and what is misspelled, own or inherited", async () => {
  class Misspelled {
    onReadyRead() {}
  }
  class Inherits extends Misspelled {
    onConnect() {}
  }
  const listener = new Listener(0, { interface: "127.0.0.1" });
  const services: [unknown, string][] = [
    [undefined, "got undefined"],
    [null, "got null"],
    ["onConnect", 'got "onConnect"'],
    [{}, "service has no method to call"],
    [{ connect() {} }, "service has no method to call"],
    [{ onConnect: undefined }, "service has no method to call"],
    [new Misspelled(), '"onReadyRead"'],
    [new Inherits(), '"onReadyRead"'],
    [{ onConnect() {}, onData() {} }, '"onData"'],
    [{ onConnect: "later" }, 'service.onConnect must be a function: got "later"'],
    [{ onConnect() {}, onError: null }, "service.onError must be a function: got null"],
  ];
  for (const [service, part] of services) {
    const error = await failureOf(() => listener.attach(service as Service), false);
    assertInstanceOf(error, TypeError, part);
    assertStringIncludes(error.message, part);
    assertStringIncludes(error.message, "service");
    const config = { host: "127.0.0.1", port: 1, callbackService: service as Service };
    if (service !== undefined) {
      assertInstanceOf(await failureOf(() => Client.connect(config), true), TypeError);
    }
  }
  // Nothing of it was attached: a correct one still can be.
  listener.attach({ onConnect() {}, ...{ onlineSince: 1, on: 2, once() {} } });
});

Deno.test("Connection refuses wrong lengths, options and contents at once, and is not harmed", async () => {
  await using listener = await listening(echo);
  await using client = await connect(listener.port);
  await assertRefused((length: never) => client.read(length), true, "requested byte length", [
    ...wrongLengths,
    [0, RangeError],
    [2 ** 53, RangeError],
  ]);
  await assertRefused((options: never) => client.read(1, options), true, "options", [
    [null, TypeError],
    [300_000, TypeError],
  ]);
  await assertRefused(
    (timeoutInMillis: never) => client.read(1, { timeoutInMillis }),
    true,
    "timeoutInMillis",
    wrongIntervals,
  );
  await assertRefused((signal: never) => client.read(1, { signal }), true, "signal", [
    [1, TypeError],
  ]);
  await assertRefused((content: never) => client.write(content), true, "content", [
    [undefined, TypeError],
    [null, TypeError],
    [7, TypeError],
    [[1, 2], TypeError, "[ 1, 2 ]"],
    [{ length: 1 }, TypeError, "{ length: 1 }"],
    [new Uint16Array(1), TypeError, "Uint16Array(1) [ 0 ]"],
    [new ArrayBuffer(1), TypeError, "ArrayBuffer { [Uint8Contents]: <00>, byteLength: 1 }"],
  ]);
  await assertServed(client);
});

Deno.test("UdpClient refuses wrong addresses, lengths and contents at once, and is not harmed", async () => {
  await assertRefused(
    (port: never) => new UdpClient({ host: "127.0.0.1", port }),
    false,
    "port",
    wrongPorts,
  );
  await assertRefused(
    (host: never) => new UdpClient({ host, port: 0 }),
    false,
    "host",
    wrongHosts.filter(([value]) => value !== undefined),
  );
  await using client = new UdpClient({ host: "127.0.0.1", port: 0 });
  const address = await client.bound;
  // The runtime itself sends to 65535 for 70000, and to 1 for 1.5.
  await assertRefused((port: never) => client.sendTo("x", { ...address, port }), true, "port", [
    ...wrongPorts,
    [70_000, RangeError],
    [0, RangeError],
  ]);
  await assertRefused(
    (host: never) => client.sendTo("x", { ...address, host }),
    true,
    "host",
    wrongHosts,
  );
  await assertRefused((content: never) => client.sendTo(content, address), true, "content", [
    [undefined, TypeError],
    [7, TypeError],
  ]);
  await assertRefused(
    (length: never) => client.receiveFrom(length),
    true,
    "requested byte length",
    [
      ...wrongLengths,
      [0, RangeError],
    ],
  );
  await assertRefused((options: never) => client.receiveFrom(1, options), true, "options", [
    [null, TypeError],
    [300_000, TypeError],
  ]);
  await client.sendTo("still here", address);
  assertEquals(text((await client.receiveFrom())[0]), "still here");
});

Deno.test("Client.connect() and Listener.start() say what the system refused, and what to do", async () => {
  await using listener = new Listener(0, { interface: "127.0.0.1" });
  await listener.start();
  const { port } = listener;
  const free = new Listener(0, { interface: "127.0.0.1" });
  await free.start();
  await free.immediateStop();

  const cases: [string, string, RegExp, () => Promise<unknown>][] = [
    [
      "in-use",
      `Cannot listen on 127.0.0.1:${port}: `,
      /in use by another socket; stop that one, or take another port/,
      () => new Listener(port, { interface: "127.0.0.1" }).start(),
    ],
    [
      "unreachable",
      `Cannot connect to 127.0.0.1:${free.port}: `,
      /refused.*; is anything listening there\?$/,
      () => connect(free.port),
    ],
    [
      // A label of that length is refused without a lookup.
      "unreachable",
      `Cannot connect to ${"a".repeat(64)}.invalid:80: `,
      /lookup|name/,
      () => Client.connect({ host: `${"a".repeat(64)}.invalid`, port: 80 }),
    ],
    [
      // An address that no host has (RFC 5737).
      "unreachable",
      "Cannot listen on 192.0.2.1:0: ",
      /address/,
      () => new Listener(0, { interface: "192.0.2.1" }).start(),
    ],
    ["in-use", "Cannot bind ", /in use by another socket; stop that one/, async () => {
      await using first = new UdpClient({ host: "127.0.0.1", port: 0 });
      const { port } = await first.bound;
      await new UdpClient({ host: "127.0.0.1", port }).bound;
    }],
  ];
  for (const [code, action, reason, attempt] of cases) {
    const error = await assertRejects(attempt, GenericError);
    assertEquals(error.code, code, error.message);
    assertStringIncludes(error.message, action);
    assertMatch(error.message, reason);
    assertNotEquals(error.cause, undefined, "the system's own error is its cause");
  }
});

for (const flags of [[], ["--unstable-net"]]) {
  const name = ["Client, Listener and UdpClient say which permission they miss", ...flags].join(
    " ",
  );
  Deno.test(name, async () => {
    await using program = new Program("deno", [
      ..."run --no-prompt --allow-net=127.0.0.1:1".split(" "),
      ...flags,
      support("without_permission"),
    ]);
    const { code, stdout, stderr } = await program.ending();
    assertEquals([code, stderr], [0, ""]);
    const lines = stdout.trimEnd().split("\n");
    assertMatch(lines.shift()!, /^allowed: unreachable: .*refused/);
    const denied = "no permission, run with --allow-net";
    assertEquals(lines, [
      `port: denied: Cannot connect to 127.0.0.1:2: ${denied}=127.0.0.1:2`,
      `name: denied: Cannot connect to localhost:1: ${denied}=localhost:1`,
      `listen: denied: Cannot listen on 127.0.0.1:0: ${denied}=127.0.0.1`,
      `udp: denied: Cannot bind to 127.0.0.1:0: ${denied}=127.0.0.1`,
      "udp unawaited: made",
    ]);
  });
}
