import { assertEquals, assertThrows } from "@std/assert";
import { Client, GenericError, Listener, UdpClient, UdpListener } from "../../mod.ts";
import type { SocketOptionName, SocketOptions, SupportedOptions } from "../../network.ts";
import { denoNetwork, nodeNetwork } from "../../src/network/deno/deno_network.ts";
import {
  refuseUnsupported,
  refuseWithPath,
  resolveSocketOptions,
  TCP_OPTIONS,
} from "../../src/network/socket_options.ts";
import { inFolder } from "../support/folder.ts";

const ALL = ["reusePort", "localAddress", "localPort", ...TCP_OPTIONS] as const;

const GOOD: Required<SocketOptions> = {
  reusePort: true,
  localAddress: "127.0.0.1",
  localPort: 65_535,
  receiveBufferSize: 1,
  sendBufferSize: 2_147_483_647,
  typeOfService: 255,
  timeToLive: 255,
  networkInterface: "fifteen-bytes.x",
  keepAliveInMillis: 32_767_000,
  keepAliveIntervalInMillis: 1_000,
  keepAliveProbes: 127,
  userTimeoutInMillis: 1,
  fastOpen: true,
  resetOnAbort: true,
};

Deno.test("resolveSocketOptions() gives what was given, and nothing else", () => {
  assertEquals(Object.keys(resolveSocketOptions({}, ALL)), []);
  const given = resolveSocketOptions({ ...GOOD }, ALL);
  assertEquals({ ...given }, { ...GOOD });
  assertEquals(Object.isFrozen(given), true);
  assertEquals({ ...resolveSocketOptions({ ...GOOD }, ["timeToLive"]) }, { timeToLive: 255 });
  assertEquals(
    resolveSocketOptions({ keepAliveInMillis: "system" }, ALL).keepAliveInMillis,
    "system",
  );
});

Deno.test("resolveSocketOptions() gives an address in its one spelling", () => {
  for (const localAddress of ["127.0.0.3", "::ffff:127.0.0.3", "[::FFFF:7f00:3]"]) {
    assertEquals(resolveSocketOptions({ localAddress }, ALL).localAddress, "127.0.0.3");
  }
  assertEquals(resolveSocketOptions({ localAddress: "[0:0::1]" }, ALL).localAddress, "::1");
});

Deno.test("resolveSocketOptions() takes an IP address only for this end", () => {
  for (const localAddress of ["localhost", "eth0", "1.2.3", "[::1", "", 1]) {
    assertThrows(
      () => resolveSocketOptions({ localAddress } as never, ALL),
      TypeError,
      `localAddress must be an IP address: got ${
        typeof localAddress === "string" ? `"${localAddress}"` : localAddress
      }`,
    );
  }
});

Deno.test("resolveSocketOptions() names what is wrong", () => {
  const wrong: [SocketOptionName, unknown, typeof TypeError | typeof RangeError][] = [
    ["reusePort", 1, TypeError],
    ["localAddress", "", TypeError],
    ["localAddress", "localhost", TypeError],
    ["localPort", 0, RangeError],
    ["localPort", "80", TypeError],
    ["receiveBufferSize", 0, RangeError],
    ["receiveBufferSize", 2_147_483_648, RangeError],
    ["sendBufferSize", 1.5, RangeError],
    ["sendBufferSize", Infinity, RangeError],
    ["typeOfService", -1, RangeError],
    ["typeOfService", 256, RangeError],
    ["timeToLive", 0, RangeError],
    ["timeToLive", 256, RangeError],
    ["networkInterface", "", TypeError],
    ["networkInterface", "sixteen-bytes.xx", TypeError],
    ["networkInterface", "eth\0", TypeError],
    ["networkInterface", "a/b", TypeError],
    ["networkInterface", 1, TypeError],
    ["keepAliveInMillis", 999, RangeError],
    ["keepAliveInMillis", 32_767_001, RangeError],
    ["keepAliveInMillis", "never", TypeError],
    ["keepAliveIntervalInMillis", 999, RangeError],
    ["keepAliveProbes", 0, RangeError],
    ["keepAliveProbes", 128, RangeError],
    ["userTimeoutInMillis", 0, RangeError],
    ["userTimeoutInMillis", Infinity, RangeError],
    ["fastOpen", "yes", TypeError],
    ["resetOnAbort", 0, TypeError],
  ];
  for (const [name, value, kind] of wrong) {
    const options = { keepAliveInMillis: "system", [name]: value } as SocketOptions;
    const { message } = assertThrows(() => resolveSocketOptions(options, ALL), kind, name);
    assertEquals(message.startsWith(name), true, message);
  }
  for (const name of ["keepAliveIntervalInMillis", "keepAliveProbes"] as const) {
    const alone = { [name]: GOOD[name] };
    assertThrows(
      () => resolveSocketOptions(alone, ALL),
      TypeError,
      `${name} must go with keepAliveI`,
    );
  }
});

Deno.test("refuseWithPath() refuses what is of addresses, by its name", () => {
  refuseWithPath({ receiveBufferSize: 1, sendBufferSize: 1 });
  for (const name of ALL) {
    if (name.endsWith("BufferSize")) continue;
    assertThrows(
      () => refuseWithPath({ [name]: GOOD[name] }),
      TypeError,
      `${name} must not go with`,
    );
  }
});

Deno.test("refuseUnsupported() lets pass what is listed or off, and refuses the rest by its name", () => {
  const some: SupportedOptions = {
    ...denoNetwork.socketOptions!,
    name: "Somebody's sockets",
    connect: new Set(["timeToLive"]),
  };
  refuseUnsupported(some, "connect", { timeToLive: 1, fastOpen: false, reusePort: false });
  refuseUnsupported(undefined, "connect", { resetOnAbort: false });
  for (
    const [supported, name] of [[some, "Somebody's sockets"], [undefined, "this network"]] as const
  ) {
    const error = assertThrows(
      () => refuseUnsupported(supported, "connect", { fastOpen: true }),
      GenericError,
      `Cannot set fastOpen: ${name} cannot, pass network: linuxNetwork (linux/mod.ts)`,
    );
    assertEquals(error.code, "unsupported");
  }
  assertThrows(() => refuseUnsupported(some, "listen", { timeToLive: 1 }), GenericError);
});

/** What only another engine can do, with what it goes with. */
const REFUSED = {
  client: [
    "receiveBufferSize",
    "sendBufferSize",
    "typeOfService",
    "timeToLive",
    "networkInterface",
    "keepAliveIntervalInMillis",
    "keepAliveProbes",
    "userTimeoutInMillis",
    "fastOpen",
  ],
  listener: [
    "receiveBufferSize",
    "sendBufferSize",
    "typeOfService",
    "timeToLive",
    "networkInterface",
    "keepAliveIntervalInMillis",
    "keepAliveProbes",
    "userTimeoutInMillis",
    "fastOpen",
    "resetOnAbort",
  ],
  datagrams: [
    "receiveBufferSize",
    "sendBufferSize",
    "typeOfService",
    "networkInterface",
    "reusePort",
  ],
  local: ["receiveBufferSize", "sendBufferSize"],
} as const;

function optionsWith(name: SocketOptionName): SocketOptions {
  const isKeepAlive = /^keepAlive./.test(name);
  return { ...(isKeepAlive ? { keepAliveInMillis: "system" } : {}), [name]: GOOD[name] };
}

/** That it is refused, and says which option and what to do. */
async function refused(name: string, made: Promise<unknown>): Promise<void> {
  const error = await made.then(() => undefined, (error) => error);
  assertEquals([error?.code, /linuxNetwork|nodeNetwork/.test(error?.message)], [
    "unsupported",
    true,
  ], name);
  assertEquals(error.message.startsWith(`Cannot set ${name}: Deno's`), true, error.message);
}

for (const [engine, network] of Object.entries({ denoNetwork, nodeNetwork })) {
  Deno.test(`${engine} refuses by name what its sockets cannot, and nothing is opened`, async () => {
    using peer = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    for (const name of REFUSED.client) {
      const to = { host: "127.0.0.1", port: peer.addr.port, network };
      await refused(name, Client.connect({ ...to, ...optionsWith(name) }));
    }
    for (const name of REFUSED.listener) {
      const listener = new Listener(0, { network, interface: "127.0.0.1", ...optionsWith(name) });
      await refused(name, listener.start());
      assertEquals(listener.port, 0);
    }
    for (const name of REFUSED.datagrams) {
      const options = { network, ...optionsWith(name) };
      await refused(name, new UdpClient({ host: "127.0.0.1", port: 0 }, options).bound);
      await refused(name, new UdpListener(0, { interface: "127.0.0.1", ...options }).start());
    }
    await inFolder(async (folder) => {
      const path = `${folder}/s`;
      for (const name of REFUSED.local) {
        await refused(name, Client.connect({ path, network, ...optionsWith(name) }));
        await refused(name, new Listener(0, { path, network, ...optionsWith(name) }).start());
      }
      assertEquals([...Deno.readDirSync(folder)], []);
    });
  });
}

Deno.test("A config with a path has no options of addresses", async () => {
  for (const name of ["timeToLive", "keepAliveInMillis", "resetOnAbort", "fastOpen"] as const) {
    const config = { path: "/run/x.sock", ...optionsWith(name) };
    assertThrows(() => new Listener(0, config), TypeError, `${name} must not go with a path`);
    const error = await Client.connect(config as never).catch((error) => error);
    assertEquals([error instanceof TypeError, error.message.includes(name)], [true, true]);
  }
  const shared = { path: "/run/x.sock", reusePort: true };
  assertThrows(() => new Listener(0, shared), TypeError, "reusePort must not go with a path");
});
