import { assertEquals, assertRejects } from "@std/assert";
import { type AnyClientConfig, resolveClientConfig } from "../../src/connection/client_config.ts";
import { DENO_OPTIONS } from "../../src/network/deno/deno_options.ts";
import type { ConnectTarget, Network, Transport } from "../../src/network/network.ts";
import {
  fail,
  type ScriptedTransport,
  scriptedTransport,
  VirtualClock,
} from "../../testing/mod.ts";
import { scriptedNetwork } from "../../testing/mod.ts";
import { assertCode } from "../support/assert_code.ts";
import { tcp } from "../support/tcp.ts";

type Options = Omit<AnyClientConfig, "host" | "hosts" | "port" | "srv"> & Record<string, unknown>;

/** Reaches something on a network that answers at these addresses only, and records what it was asked for. */
function reaching(config: Options, answering: Record<string, ScriptedTransport>) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const network: Network = {
    ...scriptedNetwork({ connects: [] }),
    clock,
    socketOptions: DENO_OPTIONS,
    connect({ hostname, port, localAddress, signal }: ConnectTarget): Promise<Transport> {
      asked.push([`${hostname} ${port}`, ...(localAddress === undefined ? [] : [localAddress])]
        .join(" from "));
      const transport = answering[hostname];
      if (transport !== undefined) return Promise.resolve(transport);
      if (hostname !== "silent.example") {
        return Promise.reject(new Deno.errors.ConnectionRefused("refused"));
      }
      const { promise, reject } = Promise.withResolvers<Transport>();
      signal?.addEventListener("abort", () => reject(signal.reason));
      return promise;
    },
    resolveName(host, _port, family) {
      asked.push(`name ${host} ${family}`);
      const addresses = ["2001:db8::1", "192.0.2.1"];
      return Promise.resolve({ addresses, isDirect: host !== "named.example" });
    },
    resolveService(name) {
      asked.push(`service ${name}`);
      return Promise.resolve([
        { host: "b.example.", port: 2, priority: 1, weight: 0 },
        { host: "a.example.", port: 1, priority: 0, weight: 0 },
      ]);
    },
  };
  const { destination } = resolveClientConfig(config as unknown as AnyClientConfig);
  const controller = new AbortController();
  const reached = destination.reach(network, controller.signal);
  reached.catch(() => {});
  return { clock, asked, destination, controller, reached };
}

const HTTP_OK = "HTTP/1.1 200 OK\r\n\r\n";

Deno.test("Route leaves a single host to the network", async () => {
  const there = scriptedTransport([]);
  const { asked, reached, destination } = reaching({ host: "a.example", port: 9 }, {
    "a.example": there,
  });
  assertEquals(await reached, { transport: there, host: "a.example", tunnelled: undefined });
  assertEquals([asked, destination.name], [["a.example 9"], "a.example:9"]);
  there.close();
});

Deno.test("Route tries hosts in their order, and tells which one has answered", async () => {
  const there = scriptedTransport([]);
  const hosts = ["gone.example", { host: "silent.example", port: 7 }, "c.example", "d.example"];
  const { asked, clock, reached, destination } = reaching({ hosts, port: 9 }, {
    "c.example": there,
  });
  await clock.advance(249);
  assertEquals(asked, ["gone.example 9", "silent.example 7"]);
  await clock.advance(1);
  assertEquals(await reached, { transport: there, host: "c.example", tunnelled: undefined });
  assertEquals(asked.at(-1), "c.example 9");
  assertEquals(destination.host, "gone.example");
  assertEquals(destination.name, "gone.example:9, silent.example:7, c.example:9, ...");
  assertEquals(clock.pending, 0);
  there.close();
  const none = reaching({ hosts: ["gone.example", "lost.example"], port: 9 }, {});
  const error = await assertCode("unreachable", none.reached);
  assertEquals(
    error.message,
    "Cannot connect to lost.example:9: refused; is anything listening there?",
  );
});

Deno.test("Route finds the hosts of a service, whose certificate is for its domain", async () => {
  const there = scriptedTransport([]);
  const { asked, reached, destination } = reaching({ srv: "_x._tcp.example" }, {
    "b.example": there,
  });
  assertEquals(await reached, { transport: there, host: "example", tunnelled: undefined });
  assertEquals(asked, ["service _x._tcp.example", "a.example 1", "b.example 2"]);
  assertEquals([destination.host, destination.name], ["example", "_x._tcp.example"]);
  there.close();
});

Deno.test("Route begins with the addresses of the family that is preferred", async () => {
  for (
    const [family, order] of [
      [4, ["192.0.2.1 9", "2001:db8::1 9"]],
      [6, ["2001:db8::1 9", "192.0.2.1 9"]],
    ] as const
  ) {
    const { asked, reached } = reaching({ host: "a.example", port: 9, family }, {});
    await assertCode("unreachable", reached);
    assertEquals(asked, ["name a.example 0", ...order]);
  }
  // What may be looked up by the runtime only is left to it.
  const there = scriptedTransport([]);
  const named = reaching({ host: "named.example", port: 9, family: 4 }, { "named.example": there });
  await named.reached;
  assertEquals(named.asked, ["name named.example 0", "named.example 9"]);
  there.close();
});

Deno.test("Route asks the user's lookup, for all addresses that the local one reaches", async () => {
  const families: number[] = [];
  const lookup = (_: string, { family }: { family: number }) => {
    families.push(family);
    return ["2001:db8::1", "192.0.2.1", "192.0.2.2"];
  };
  const config = { host: "a.example", port: 9, lookup, localAddress: "192.0.2.9" };
  const { asked, reached } = reaching(config, {});
  await assertCode("unreachable", reached);
  assertEquals(families, [4]);
  assertEquals(asked, ["192.0.2.1 9 from 192.0.2.9", "192.0.2.2 9 from 192.0.2.9"]);
  const none = reaching({ ...config, lookup: () => ["2001:db8::1"] }, {});
  const error = await assertCode("unreachable", none.reached);
  assertEquals(
    error.message,
    "Cannot connect to a.example:9: the name a.example has no IPv4 address",
  );
  const empty = reaching({ host: "a.example", port: 9, lookup: () => [] }, {});
  const told = await assertCode("unreachable", empty.reached);
  assertEquals(told.message, "Cannot connect to a.example:9: the name a.example has no address");
});

Deno.test("Route goes by way of proxies, which look names up, except where the user does", async () => {
  const lookup = (host: string) => [host === "p.example" ? "192.0.2.7" : "192.0.2.8"];
  const socks = ["\x05\0", "\x05\0\0\x01\0\0\0\0\0\0"];
  for (
    const [options, first, script, says] of [
      [{ via: "http://p.example:1" }, "p.example", [HTTP_OK], "CONNECT a.example:9 "],
      [{ via: "http://p.example:1", lookup }, "192.0.2.7", [HTTP_OK], "CONNECT 192.0.2.8:9 "],
      [{ via: "socks5://p.example:1" }, "p.example", socks, "a.example"],
      [{ via: "socks5://p.example:1", lookup }, "192.0.2.7", socks, "\x05\x01\0\x01\xc0\0\x02\b"],
      [{ via: "socks5h://p.example:1", lookup }, "192.0.2.7", socks, "a.example"],
      [{ via: () => "http://p.example:1" }, "p.example", [HTTP_OK], "CONNECT a.example:9 "],
    ] as const
  ) {
    const there = scriptedTransport(script);
    const { asked, reached } = reaching({ host: "a.example", port: 9, ...options }, {
      [first]: there,
    });
    const { tunnelled } = await reached;
    assertEquals(tunnelled, { host: "a.example", port: 9 });
    assertEquals(asked, [`${first} 1`]);
    const said = new TextDecoder("latin1").decode(there.written);
    assertEquals(said.includes(says), true, said);
    there.close();
  }
  const there = scriptedTransport([]);
  const direct = reaching({ host: "a.example", port: 9, via: () => undefined }, {
    "a.example": there,
  });
  assertEquals((await direct.reached).tunnelled, undefined);
  there.close();
});

Deno.test("Route says which proxy it cannot reach, and passes the error of a function on", async () => {
  const via = "http://me:hunter2@gone.example:1";
  const error = await assertCode(
    "unreachable",
    reaching({ host: "a.example", port: 9, via }, {}).reached,
  );
  assertEquals(
    error.message,
    "Cannot connect to a.example:9: cannot connect to the proxy http://gone.example:1: refused; is anything listening there?",
  );
  assertEquals(Deno.inspect(error).includes("hunter2"), false);
  const thrown = () => {
    throw new Error("odd");
  };
  await assertCode("handler", reaching({ host: "a.example", port: 9, via: thrown }, {}).reached);
});

Deno.test("Route refuses a stream that has met itself", async () => {
  const here = tcp("127.0.0.1", 40_000);
  const there = scriptedTransport([fail(new Error())], { localAddr: here, remoteAddr: here });
  const { reached } = reaching({ host: "127.0.0.1", port: 40_000 }, { "127.0.0.1": there });
  await assertCode("unreachable", reached);
  assertEquals(there.isClosed, true);
});

Deno.test("Route given up rejects with the reason, and leaves nothing", async () => {
  const reason = new Error("mine");
  for (
    const config of [
      { host: "silent.example", port: 9 },
      { hosts: ["silent.example", "silent.example"], port: 9 },
      { host: "a.example", port: 9, via: "http://silent.example:1" },
    ]
  ) {
    const { clock, controller, reached } = reaching(config, {});
    await clock.settle();
    controller.abort(reason);
    assertEquals(await assertRejects(() => reached, Error), reason);
    assertEquals(clock.pending, 0);
  }
});

Deno.test("Route refuses what the network's sockets do not have, before anything is asked", async () => {
  const { asked, reached } = reaching({ srv: "_x._tcp.example", timeToLive: 9 }, {});
  await assertCode("unsupported", reached);
  assertEquals(asked, []);
});
