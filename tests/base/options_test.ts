import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  bare,
  mayBeOptions,
  type OptionNames,
  optionNames,
  partOf,
  readEntries,
  readList,
  readOptions,
  withOptions,
} from "../../src/base/options.ts";
import { awkwardThings } from "../support/awkward.ts";
import { dial } from "../support/dial.ts";
import { listening } from "../support/listening.ts";
import { withPollution } from "../support/pollution.ts";

interface Door {
  readonly host?: string;
  readonly port?: number;
  readonly verify?: boolean;
}

const NAMES: OptionNames<Door> = optionNames<Door>({ host: true, port: true, verify: true });

/** What was read, as an object that compares. */
function read(value: Door): Door {
  return { ...readOptions("config", value, NAMES) };
}

Deno.test("optionNames() gives each name", () => {
  assertEquals(NAMES, ["host", "port", "verify"]);
});

Deno.test("partOf() reads each field once, and no other", () => {
  const reads: string[] = [];
  const config = {
    get host() {
      reads.push("host");
      return "a";
    },
    get port() {
      reads.push("port");
      return 1;
    },
    get other() {
      reads.push("other");
      return 1;
    },
  };
  assertEquals({ ...partOf("config", config, NAMES) }, { host: "a", port: 1 });
  assertEquals(reads, ["host", "port"]);
});

Deno.test("readOptions() refuses a field that there is not, and says what was meant", () => {
  const refused = (field: string) =>
    assertThrows(() => read({ host: "a", [field]: undefined } as Door), TypeError).message;
  assertEquals(refused("prot"), 'config has no option "prot": use port');
  assertEquals(refused("Verify"), 'config has no option "Verify": use verify');
  assertEquals(refused("else"), 'config has no option "else": use one of host, port, verify');
});

Deno.test("readOptions() says into which field an option belongs that is one level too high", () => {
  const inner = { verify: ["ports"] };
  const given = { host: "a", ports: 1 } as Door;
  const { message } = assertThrows(() => readOptions("config", given, NAMES, inner), TypeError);
  // Not "use port".
  assertEquals(message, 'config has no option "ports": it belongs into verify');
});

Deno.test("readOptions() gives a copy that nobody can change", () => {
  const config = { host: "a", port: 1 };
  const options = readOptions("config", config, NAMES);
  config.host = "b";
  assertEquals(options.host, "a");
  assertThrows(() => Object.assign(options, { host: "c" }), TypeError);
  assertThrows(() => Object.assign(options, { verify: false }), TypeError);
});

Deno.test("readOptions() takes what comes from Object.prototype for nothing, also later", async () => {
  let early = readOptions<Door>("config", {}, NAMES);
  await withPollution({ verify: false, port: 7 }, () => {
    assertEquals(early.verify, undefined);
    early = readOptions("config", { host: "a" }, NAMES);
    assertEquals([early.host, early.port, early.verify], ["a", undefined, undefined]);
    // Its own field still counts.
    assertEquals(readOptions("config", { port: 8 }, NAMES).port, 8);
    const { verify = true } = withOptions(early, { port: 9 }) as Door;
    assertEquals(verify, true);
  });
  await withPollution({
    get verify() {
      throw new Error("nobody asks");
    },
  }, () => assertEquals(read({}), {}));
});

Deno.test("readOptions() takes nothing from the Object.prototype of another realm", () => {
  const root = Object.create(null);
  for (const name of Object.getOwnPropertyNames(Object.prototype)) {
    if (name !== "__proto__") root[name] = Reflect.get(Object.prototype, name);
  }
  root.verify = false;
  assertEquals(read(Object.create(root)), {});
});

Deno.test("readOptions() takes what the user's own classes and prototypes give", async () => {
  class Base {
    #port = 5;
    get port() {
      return this.#port;
    }
  }
  class Derived extends Base {
    host = "a";
    get verify() {
      return true;
    }
  }
  const defaults = Object.create(Object.assign(Object.create(null), { port: 6 }));
  await withPollution({ port: 7, verify: false }, () => {
    assertEquals(read(new Derived()), { host: "a", port: 5, verify: true });
    assertEquals(read(defaults), { port: 6 });
  });
});

Deno.test("readOptions() takes what a proxy makes up", () => {
  const made = new Proxy({}, { get: (_, name) => name === "host" ? "a" : undefined });
  assertEquals(read(made), { host: "a" });
});

Deno.test("readOptions() leaves out what is undefined", () => {
  assertEquals(Object.keys(readOptions<Door>("config", { host: undefined } as never, NAMES)), []);
  const value = { host: undefined, port: 1 } as unknown as Door;
  assertEquals(Object.keys(readOptions("config", value, NAMES)), ["port"]);
});

Deno.test("readOptions() refuses what is no object, and tells what a getter throws", () => {
  for (const value of [undefined, null, 1, "text", Symbol("a symbol"), () => {}]) {
    assertThrows(() => read(value as Door), TypeError, "config must be an object");
  }
  for (const thrown of awkwardThings()) {
    const config = {
      get host(): string {
        throw thrown;
      },
    };
    let caught: unknown = NAMES;
    try {
      read(config);
    } catch (error) {
      caught = error;
    }
    assertStrictEquals(caught, thrown);
  }
});

Deno.test("withOptions() puts fields in the place of others and removes some", () => {
  const before = readOptions<Door>("config", { host: "a", port: 1 }, NAMES);
  const after = withOptions(before, { host: undefined, verify: false });
  assertEquals({ ...after }, { port: 1, verify: false } as unknown as typeof after);
  assertEquals(Object.getPrototypeOf(after), null);
  assertEquals(Object.isFrozen(after), true);
  assertEquals({ ...before }, { host: "a", port: 1 });
});

Deno.test("readList() copies each element once", async () => {
  let reads = 0;
  const list: unknown[] = ["a", , "c"];
  Object.defineProperty(list, 0, { get: () => ++reads });
  await withPollution({ 1: "of everybody" }, () => {
    assertEquals(readList("names", list), [1, undefined, "c"]);
  });
  assertEquals(reads, 1);
  assertEquals(Object.isFrozen(readList("names", list)), true);
  for (const value of [undefined, null, "text", { length: 1 }, new Set()]) {
    assertThrows(() => readList("names", value), TypeError, "names must be an array");
  }
});

Deno.test("readEntries() reads an object's own fields", async () => {
  await withPollution({ c: 3 }, () => {
    assertEquals(readEntries<unknown>("names", { a: 1, b: 2 }), [["a", 1], ["b", 2]]);
  });
  for (const value of [undefined, null, 1, "text", ["a"], new Map([["a", 1]]), new Set()]) {
    assertThrows(
      () => readEntries("names", value as unknown as Record<string, unknown>),
      TypeError,
      "names must be an object",
    );
  }
});

Deno.test("bare() gives an object in which nothing is looked for elsewhere", async () => {
  await withPollution({ verify: false }, () => {
    const options: { host: string; verify?: boolean } = bare({ host: "a" });
    assertEquals([options.host, options.verify], ["a", undefined]);
  });
});

Deno.test("what goes with a call takes nothing of Object.prototype, given or not", async () => {
  await using listener = await listening({ onConnect: (caller) => void caller.write("a line\n") });
  const client = await dial(listener);
  const names = { signal: AbortSignal.abort(), limit: 1, timeoutInMillis: 1, deadlineInMillis: 0 };
  await withPollution(names, async () => {
    assertEquals((await client.peek(1, {}))[1], 1);
    assertEquals(await client.readLine(), "a line");
    const { aborted } = await listener.gracefulStop({});
    assertEquals(aborted, 0);
  });
  await client.close();
});

Deno.test("mayBeOptions() knows an object from what is made for something else", () => {
  class Own {
    readonly port = 5;
  }
  for (const fine of [{}, { a: 1 }, Object.create(null), new Own()]) {
    assertEquals(mayBeOptions(fine), true);
  }
  const { signal } = new AbortController();
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  for (
    const odd of [
      undefined,
      null,
      5,
      "text",
      () => {},
      [],
      new Uint8Array(1),
      new ArrayBuffer(1),
      Promise.resolve(),
      signal,
      revoked.proxy,
    ]
  ) {
    assertEquals(mayBeOptions(odd), false);
  }
});
