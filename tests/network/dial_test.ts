import { assertEquals, assertRejects } from "@std/assert";
import { dial, type DialTarget } from "../../src/network/dial.ts";
import type { ResolvedName } from "../../src/network/network.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { settled } from "../support/scripted_datagrams.ts";

const NAMES: Record<string, readonly string[] | undefined> = {
  "many.example": ["2001:db8::1", "10.0.0.1", "2001:db8::2"],
  "one.example": ["10.0.0.9"],
};

function dialing(
  hosts: readonly string[],
  signal?: AbortSignal,
  options: Partial<DialTarget> = {},
) {
  const clock = new VirtualClock();
  const log: string[] = [];
  const attempts = new Map<string, PromiseWithResolvers<string>>();
  const connected = dial({ hosts, port: 9, signal, ...options }, {
    clock,
    lookUp(name, port, family): Promise<ResolvedName> {
      // What has one letter may be looked up by the runtime only.
      if (name.length === 1) return Promise.resolve({ addresses: ["10.9.9.9"], isDirect: false });
      log.push(`look up ${name}:${port} ${family}`);
      const addresses = NAMES[name];
      if (addresses === undefined) return Promise.reject(new Error(`${name} is unknown`));
      return Promise.resolve({ addresses, isDirect: true });
    },
    dial(address, signal) {
      log.push(`dial ${address}`);
      if (address === "z") throw new Error("denied");
      signal.addEventListener("abort", () => log.push(`give up ${address}`));
      const attempt = Promise.withResolvers<string>();
      attempts.set(address, attempt);
      return attempt.promise;
    },
    discard: (late) => log.push(`discard ${late}`),
  });
  return { clock, log, connected, attempt: (address: string) => attempts.get(address)! };
}

Deno.test("dial() tries the next address at once when one has failed", async () => {
  const { clock, log, connected, attempt } = dialing(["a", "b", "c"]);
  await settled();
  attempt("a").reject(new Error("refused"));
  await settled();
  attempt("b").resolve("b");
  assertEquals(await connected, "b");
  await clock.advance(1_000);
  assertEquals(log, ["dial a", "give up a", "dial b", "give up b"]);
});

Deno.test("dial() takes what dialling throws at once for a failure like any other", async () => {
  const { clock, log, connected, attempt } = dialing(["z", "a", "z"]);
  await settled();
  attempt("a").reject(new Error("refused"));
  await assertRejects(() => connected, Error, "denied");
  await clock.advance(1_000);
  assertEquals(log, ["dial z", "dial a", "give up a", "dial z"]);
});

Deno.test("dial() tries the next address beside one that does not answer", async () => {
  const { clock, log, connected, attempt } = dialing(["a", "b", "c"]);
  await clock.advance(249);
  assertEquals(log, ["dial a"]);
  await clock.advance(251);
  assertEquals(log, ["dial a", "dial b", "dial c"]);
  attempt("b").reject(new Error("refused"));
  await settled();
  attempt("a").resolve("a");
  assertEquals(await connected, "a");
  // A late answer is discarded.
  attempt("c").resolve("c");
  await settled();
  assertEquals(log.at(-1), "discard c");
});

Deno.test("dial() rejects with what failed last", async () => {
  const { clock, log, connected, attempt } = dialing(["a", "b"]);
  await clock.advance(250);
  const failed = assertRejects(() => connected, Error, "a failed");
  attempt("b").reject(new Error("b failed"));
  await settled();
  attempt("a").reject(new Error("a failed"));
  await failed;
  assertEquals(log.slice(0, 2), ["dial a", "dial b"]);
});

Deno.test("dial() gives all attempts up with the signal's reason", async () => {
  const controller = new AbortController();
  const { clock, log, connected, attempt } = dialing(["a", "b", "c"], controller.signal);
  await clock.advance(250);
  const failed = assertRejects(() => connected, Error, "changed my mind");
  controller.abort(new Error("changed my mind"));
  await failed;
  attempt("a").reject(new Error("given up"));
  attempt("b").resolve("b");
  await clock.advance(1_000);
  assertEquals(log, ["dial a", "dial b", "give up a", "give up b", "discard b"]);
  const before = dialing(["a"], AbortSignal.abort(new Error("no")));
  await assertRejects(() => before.connected, Error, "no");
  assertEquals(before.log, []);
});

Deno.test("dial() tries all addresses of a name, then the next host", async () => {
  const { log, connected, attempt } = dialing(["many.example", "192.0.2.1", "one.example"]);
  for (const address of ["2001:db8::1", "10.0.0.1", "2001:db8::2", "192.0.2.1"]) {
    await settled();
    attempt(address).reject(new Error("refused"));
  }
  await settled();
  attempt("10.0.0.9").resolve("connected");
  assertEquals(await connected, "connected");
  assertEquals(log.filter((line) => !line.startsWith("give up")), [
    "look up many.example:9 0",
    "dial 2001:db8::1",
    "dial 10.0.0.1",
    "dial 2001:db8::2",
    "dial 192.0.2.1",
    "look up one.example:9 0",
    "dial 10.0.0.9",
  ]);
});

Deno.test("dial() tries the next host when a name is unknown, and rejects with that where it is the last", async () => {
  const { log, connected, attempt } = dialing(["gone.example", "one.example"]);
  await settled();
  attempt("10.0.0.9").resolve("connected");
  assertEquals(await connected, "connected");
  assertEquals(log.slice(0, 3), [
    "look up gone.example:9 0",
    "look up one.example:9 0",
    "dial 10.0.0.9",
  ]);
  await assertRejects(() => dialing(["gone.example"]).connected, Error, "gone.example is unknown");
});

Deno.test("dial() asks for the family of the local address, and begins with the one that is preferred", async () => {
  for (const [localAddress, family] of [["10.0.0.2", 4], ["::1", 6], ["::", 0]] as const) {
    const { log, connected, attempt } = dialing(["one.example"], undefined, { localAddress });
    await settled();
    attempt("10.0.0.9").resolve("connected");
    await connected;
    assertEquals(log[0], `look up one.example:9 ${family}`);
  }
  const { log, connected, attempt } = dialing(["many.example"], undefined, { family: 4 });
  for (const address of ["10.0.0.1", "2001:db8::1"]) {
    await settled();
    attempt(address).reject(new Error("refused"));
  }
  await settled();
  attempt("2001:db8::2").resolve("connected");
  await connected;
  assertEquals(log.filter((line) => line.startsWith("dial")), [
    "dial 10.0.0.1",
    "dial 2001:db8::1",
    "dial 2001:db8::2",
  ]);
});

Deno.test("dial() rejects where a name has no address, or none that the local one reaches", async () => {
  const empty = (localAddress?: string) =>
    dial({ hosts: ["empty.example"], port: 9, localAddress }, {
      clock: new VirtualClock(),
      lookUp: () => Promise.resolve({ addresses: [], isDirect: true }),
      dial: () => Promise.reject(new Error("not to be dialled")),
      discard: () => {},
    });
  await assertRejects(() => empty(), Error, "the name empty.example has no address");
  await assertRejects(() => empty("::1"), Error, "the name empty.example has no IPv6 address");
});
