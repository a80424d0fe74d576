import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import type {
  AdoptDatagramTarget,
  DatagramSocket,
  DatagramTarget,
} from "../../src/network/network.ts";
import { bindDatagram } from "../../src/udp/bind_datagram.ts";
import { resolveUdpSocketConfig, type UdpSocketConfig } from "../../src/udp/udp_config.ts";
import { scriptedDatagrams } from "../support/scripted_datagrams.ts";

/** As much of a socket as it looks at. */
const socket = {
  addr: { transport: "udp", hostname: "::1", port: 9 },
  receive: () => Promise.reject(),
  send: () => Promise.reject(),
  close() {},
} satisfies DatagramSocket;

/** Binds by a network that does what it is told. */
function bind(
  listen: () => DatagramSocket | Promise<DatagramSocket>,
  config: UdpSocketConfig = {},
) {
  const targets: DatagramTarget[] = [];
  const network = {
    ...scriptedDatagrams(),
    listenDatagram(target: DatagramTarget) {
      targets.push(target);
      return listen();
    },
  };
  return {
    targets,
    bind: () => bindDatagram("::1", 9, resolveUdpSocketConfig({ network, ...config })),
  };
}

Deno.test("bindDatagram() gives the socket as the network does, at once or later", async () => {
  const { targets, bind: now } = bind(() => socket, { reuseAddress: true, multicastInterface: 3 });
  assertStrictEquals(now(), socket);
  assertEquals(targets, [{
    hostname: "::1",
    port: 9,
    reuseAddress: true,
    multicastLoopback: true,
    multicastInterface: 3,
  }]);
  assertStrictEquals(await bind(() => Promise.resolve(socket)).bind(), socket);
});

Deno.test("bindDatagram() says why it could not, now or later", async () => {
  const cause = new Deno.errors.AddrInUse("taken");
  const message = "Cannot bind to [::1]:9: the address is in use";
  const now = bind(() => {
    throw cause;
  });
  const error = assertThrows(now.bind, GenericError, message);
  assertEquals([error.code, error.cause], ["in-use", cause]);
  const later = bind(() => Promise.reject(cause));
  await assertRejects(async () => await later.bind(), GenericError, message);
});

Deno.test("bindDatagram() refuses what the network does not list, and takes over what was handed over", async () => {
  const { bind: refused, targets } = bind(() => socket, { typeOfService: 3 });
  assertEquals([assertThrows(refused, GenericError, "Cannot set typeOfService").code, targets], [
    "unsupported",
    [],
  ]);
  const adopted: AdoptDatagramTarget[] = [];
  const network = {
    ...scriptedDatagrams(),
    adoptDatagram: (target: AdoptDatagramTarget) => (adopted.push(target), socket),
  };
  const { bind: take } = bind(() => Promise.reject(), { network, inherited: 70_001 });
  assertStrictEquals(await take(), socket);
  assertEquals(adopted, [{ descriptor: 70_001, reuseAddress: false, multicastLoopback: true }]);
  const { bind: cannot } = bind(() => Promise.reject(), { inherited: 70_002 });
  const error = await assertRejects(async () => await cannot(), GenericError, "linuxNetwork");
  assertEquals(error.code, "unsupported");
});
