import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GenericError } from "../../../src/base/errors.ts";
import { bindDenoDatagram } from "../../../src/network/deno/deno_datagram.ts";

/** A socket of the runtime that only records what is asked of it. */
function scripted(
  log: string[],
  failing?: string,
  hostname = "127.0.0.1",
): Deno.DatagramConn {
  const say = (what: string): Promise<void> => {
    if (what === failing) return Promise.reject(new Error(`no ${what}`));
    log.push(what);
    return Promise.resolve();
  };
  const join = (group: string, on: string | number) =>
    say(`join ${group} on ${on}`).then(() => ({
      leave: () => say(`leave ${group}`),
      setLoopback: () => say("loopback"),
      setTTL: (timeToLive: number) => say(`ttl ${timeToLive}`),
    }));
  return {
    addr: { transport: "udp", hostname, port: 5 },
    joinMulticastV4: join,
    joinMulticastV6: join,
    receive: () => new Promise(() => {}),
    send: (_, to) => say(`send to ${(to as Deno.NetAddr).hostname}`).then(() => 1),
    close: () => void say("close"),
    async *[Symbol.asyncIterator]() {},
  };
}

const target = { hostname: "127.0.0.1", port: 0 };

Deno.test("bindDenoDatagram() passes on what the runtime can do", () => {
  const asked: unknown[] = [];
  const bind = (options: object) => {
    asked.push(options);
    return scripted([]);
  };
  bindDenoDatagram(bind, target);
  bindDenoDatagram(bind, { ...target, reuseAddress: true, multicastLoopback: false });
  assertEquals(asked, [
    { transport: "udp", ...target, reuseAddress: false, loopback: true },
    { transport: "udp", ...target, reuseAddress: true, loopback: false },
  ]);
});

Deno.test("bindDenoDatagram() refuses what the runtime cannot do, and binds nothing", () => {
  const bind = () => {
    throw new Error("should not be bound");
  };
  for (const option of [{ timeToLive: 3 }, { multicastInterface: "127.0.0.1" }]) {
    const error = assertThrows(
      () => bindDenoDatagram(bind, { ...target, ...option }),
      GenericError,
      `Cannot set ${Object.keys(option)[0]}: `,
    );
    assertEquals(error.code, "unsupported");
  }
});

Deno.test("bindDenoDatagram() sets the multicast TTL by a group that sends nothing", async () => {
  const log: string[] = [];
  await bindDenoDatagram(() => scripted(log), { ...target, multicastTimeToLive: 7 });
  assertEquals(log, ["join 224.0.0.1 on 127.0.0.1", "ttl 7", "leave 224.0.0.1"]);
  const failed: string[] = [];
  await assertRejects(
    async () => {
      await bindDenoDatagram(() => scripted(failed, "ttl 7"), {
        ...target,
        multicastTimeToLive: 7,
      });
    },
    Error,
    "no ttl 7",
  );
  assertEquals(failed, ["join 224.0.0.1 on 127.0.0.1", "close"]);
});

Deno.test("DenoDatagramSocket joins and leaves, on the interface that is asked for", async () => {
  const log: string[] = [];
  const socket = await bindDenoDatagram(() => scripted(log), target);
  const groups = [
    { group: "239.1.2.3" },
    { group: "239.1.2.3", networkInterface: "127.0.0.1" },
    { group: "ff01::1" },
    { group: "ff01::1", networkInterface: 4 },
  ];
  for (const group of groups) await socket.joinGroup!(group);
  for (const group of groups) await socket.leaveGroup!(group);
  assertEquals(log, [
    "join 239.1.2.3 on 0.0.0.0",
    "join 239.1.2.3 on 127.0.0.1",
    "join ff01::1 on 0",
    "join ff01::1 on 4",
    "leave 239.1.2.3",
    "leave 239.1.2.3",
    "leave ff01::1",
    "leave ff01::1",
  ]);
  const error = await assertRejects(
    () => socket.joinGroup!({ group: "232.1.2.3", source: "10.0.0.1" }),
    GenericError,
    "nodeNetwork",
  );
  assertEquals(error.code, "unsupported");
});

Deno.test("bindDenoDatagram() sends to IPv4 from an IPv6 socket as the system wants it", async () => {
  const log: string[] = [];
  for (
    const [bound, system] of [["::", "linux"], ["::", "darwin"], ["0.0.0.0", "darwin"]] as const
  ) {
    const socket = await bindDenoDatagram(() => scripted(log, "", bound), target, system);
    for (const hostname of ["192.0.2.1", "::1", "a.example"]) {
      await socket.send(new Uint8Array(1), { transport: "udp", hostname, port: 9 });
    }
  }
  assertEquals(log.map((line) => line.slice("send to ".length)), [
    ...["192.0.2.1", "::1", "a.example"],
    ...["::ffff:192.0.2.1", "::1", "a.example"],
    ...["192.0.2.1", "::1", "a.example"],
  ]);
});
