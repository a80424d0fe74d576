import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { checkService, hostsOf } from "../../src/connection/service_hosts.ts";
import type { Network, ServiceRecord } from "../../src/network/network.ts";
import { scriptedNetwork } from "../../testing/mod.ts";
import { assertCode } from "../support/assert_code.ts";

const record = (host: string, port = 1) => ({ host, port, priority: 1, weight: 0 });
const { signal } = new AbortController();

function ask(answer: readonly ServiceRecord[] | Error) {
  const network: Network = {
    ...scriptedNetwork({ connects: [] }),
    resolveService: () =>
      answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer),
  };
  return hostsOf("_x._tcp.a.example", network, signal);
}

Deno.test("checkService() takes the name of a service, and nothing else", () => {
  assertEquals(checkService("srv", "_redis._tcp.example"), "_redis._tcp.example");
  assertEquals(checkService("srv", "_x-y._TCP.a.b.example."), "_x-y._TCP.a.b.example.");
  for (const wrong of ["", "a.example", "_redis._tcp", "_redis.tcp.example", "_a._tcp._b.c", 5]) {
    assertThrows(() => checkService("srv", wrong), TypeError, "srv must be");
  }
});

Deno.test("hostsOf() gives the hosts of the records that can be used", async () => {
  const records = [
    record("a.example.", 7),
    record("b.example", 0),
    record("not a host"),
    record("."),
    { ...record("::1", 8), priority: 0 },
  ];
  assertEquals(await ask(records), [
    { host: "::1", port: 8 },
    { host: "a.example", port: 7 },
  ]);
});

Deno.test("hostsOf() says why there are none", async () => {
  for (
    const [answer, told] of [
      [[], "Cannot find _x._tcp.a.example: the name has no SRV records"],
      [new Deno.errors.NotFound("x"), "the name has no SRV records"],
      [[record(".")], "its SRV records name no host"],
      [new Error("odd"), "Cannot find _x._tcp.a.example: odd"],
    ] as const
  ) {
    const error = await assertCode("unreachable", ask(answer));
    assertEquals(error.message.includes(told), true, error.message);
  }
  const denied = await assertCode("denied", ask(new Deno.errors.NotCapable("run --allow-net")));
  assertEquals(denied.message.includes("--allow-net"), true);
  const bare = scriptedNetwork({ connects: [] });
  await assertCode("unsupported", hostsOf("_x._tcp.a.example", bare, signal));
});

Deno.test("hostsOf() given up rejects with the reason", async () => {
  const reason = new Error("mine");
  const network: Network = {
    ...scriptedNetwork({ connects: [] }),
    resolveService: (_, signal) => Promise.reject(signal.reason),
  };
  const asking = () => hostsOf("_x._tcp.a.example", network, AbortSignal.abort(reason));
  assertEquals(await assertRejects(asking, Error), reason);
});
