import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import {
  checkTransport,
  connectedTransports,
  type Faults,
  simulate,
  type SimulatedNetwork,
  type TransportPair,
} from "../../testing/mod.ts";

checkTransport(() => {
  const [near, far] = connectedTransports();
  return { near, far };
}, { name: "connected pair: ", reset: true });

checkTransport(() => {
  const [near, far] = connectedTransports({ capacity: 7 * 1024 });
  return { near, far };
}, { name: "connected pair with little room: ", reset: true });

checkTransport(() => {
  const [near, far] = connectedTransports({ capacity: 7 * 1024, canTry: true });
  return { near, far };
}, { name: "connected pair that needs no promise: ", reset: true, canTry: true });

checkTransport(async () => {
  const listener = await denoNetwork.listen({ hostname: "127.0.0.1", port: 0, backlog: 1 });
  const { port } = listener.addr as Deno.NetAddr;
  try {
    const [near, far] = await Promise.all([
      denoNetwork.connect({ hostname: "127.0.0.1", port }),
      listener.accept(),
    ]);
    return { near, far };
  } finally {
    listener.close();
  }
}, { name: "TCP on loopback: " });

async function pairOn(net: SimulatedNetwork): Promise<TransportPair> {
  const listener = net.host("server").listen({ hostname: "0.0.0.0", port: 1, backlog: 1 });
  const [near, far] = await Promise.all([
    net.host("client").connect({ hostname: "server", port: 1 }),
    (await listener).accept(),
  ]);
  (await listener).close();
  return { near, far, clock: net.clock };
}

/** Everything that cuts a stream into other pieces, without delaying it beyond a timeout of 20 ms. */
const rough: Partial<Faults> = {
  latencyInMillis: [0, 2],
  cuts: 0.5,
  shortReads: 0.3,
  shortWrites: 0.3,
  slowCompletions: 0.5,
  receiveBufferInBytes: 65_536,
  sendBufferInBytes: 50_000,
};

const weathers = [["calm", {}], ["rough", rough]] as const;
const ways = weathers.flatMap((weather) => [[...weather, false], [...weather, true]] as const);
for (const [name, faults, canTry] of ways) {
  let net: SimulatedNetwork;
  let seed = 0;
  checkTransport(() => pairOn(net), {
    name: `${name} simulated network${canTry ? " that needs no promise" : ""}: `,
    reset: true,
    canTry,
    around: async (body) => {
      await simulate(seed++, (own) => {
        net = own;
        return body();
      }, { faults, canTry });
    },
  });
}
