// A stop waits for onError and onClose, as for every other call: those under way, and those that the stop begins.

import { assertEquals } from "@std/assert";
import {
  Client,
  framedService,
  LineCodec,
  Listener,
  type Service,
  UdpClient,
  UdpListener,
} from "../../mod.ts";
import type { SimulatedNetwork } from "../../testing/mod.ts";
import { calmly } from "../support/simulated_server.ts";

/** What a service does here: it may end its peer, or throw, and is told of it. */
interface Told {
  work(peer: { close(): unknown }): Promise<void>;
  onError(): Promise<void>;
  onClose(): Promise<void>;
}

/** Listens, and gives what makes a peer that has sent something. */
type Host = (net: SimulatedNetwork, told: Told) => {
  readonly listener: Listener | UdpListener;
  dial(): Promise<{ close(): Promise<void> }>;
};

const streams = (attach: (listener: Listener, told: Told) => unknown): Host => (net, told) => {
  const listener = new Listener(80, { network: net.host("server") });
  attach(listener, told);
  const dial = async () => {
    const client = await Client.connect({ host: "server", port: 80, network: net.host("client") });
    await client.write("x\n");
    return client;
  };
  return { listener, dial };
};

const datagrams = (attach: (listener: UdpListener, told: Told) => unknown): Host => (net, told) => {
  const listener = new UdpListener(80, { network: net.host("server") });
  attach(listener, told);
  const dial = async () => {
    const client = new UdpClient(undefined, {
      remoteHost: "server",
      remotePort: 80,
      network: net.host("client"),
    });
    await client.write("x");
    return client;
  };
  return { listener, dial };
};

const HOSTS: Record<string, Host> = {
  "a service": streams((listener, { work, ...told }) =>
    listener.attach({ onBytes: work, ...told } satisfies Service)
  ),
  "a framedService": streams((listener, { work, ...told }) =>
    listener.attach(framedService(new LineCodec(), {
      onMessage: ({ connection }) => work(connection),
      ...told,
    }))
  ),
  "a handler": streams((listener, { work, ...told }) =>
    void listener.serve(async (caller) => {
      for await (const _ of caller) await work(caller);
    }, told)
  ),
  "a service of sessions": datagrams((listener, { work, ...told }) =>
    listener.attach({
      async onSession(session) {
        for await (const _ of session) await work(session);
      },
      ...told,
    })
  ),
  "a service for each session": datagrams((listener, { work, ...told }) =>
    listener.attach((session) => ({ onDatagram: () => work(session), ...told }))
  ),
  "a handler of sessions": datagrams((listener, { work, ...told }) =>
    void listener.serve(async (session) => {
      for await (const _ of session) await work(session);
    }, told)
  ),
};

/** What has ended the peer before the stop; or nothing has. */
const ENDS: Record<string, (peer: { close(): unknown }) => void> = {
  "begun by a close": (peer) => void peer.close(),
  "begun by what was thrown": () => {
    throw new Error("a fault");
  },
  "begun by the stop": () => {},
};

for (const [host, open] of Object.entries(HOSTS)) {
  for (const [name, end] of Object.entries(ENDS)) {
    const trial = async (
      test: (net: SimulatedNetwork, listener: Listener | UdpListener, log: string[]) => unknown,
    ) => {
      await calmly(async (net) => {
        const log: string[] = [];
        const slowly = async (what: string) => {
          log.push(what);
          await net.delay(2_000);
          log.push(`${what} is over`);
        };
        const { listener, dial } = open(net, {
          work: (peer) => Promise.resolve(peer).then(end),
          onError: () => slowly("onError"),
          onClose: () => slowly("onClose"),
        });
        await listener.start();
        const client = await dial();
        await net.delay(1_500);
        await test(net, listener, log);
        await client.close();
        await listener.immediateStop();
      });
    };

    Deno.test(`A stop waits for what is told to ${host}, ${name}`, async () => {
      await trial(async (_net, listener, log) => {
        const { completed, cut } = await listener.gracefulStop({ deadlineInMillis: 10_000 });
        assertEquals([log.at(-1), completed, cut], ["onClose is over", 1, []]);
        assertEquals(log.includes("onError is over"), name === "begun by what was thrown");
      });
    });

    Deno.test(`A stop names what is told to ${host} at its deadline, ${name}, and does not wait if hurried`, async () => {
      for (const isHurried of [false, true]) {
        await trial(async (net, listener, log) => {
          const stopping = listener.gracefulStop({ deadlineInMillis: 300 });
          if (isHurried) await net.delay(100);
          if (isHurried) await listener.immediateStop();
          const { completed, cut } = await stopping;
          assertEquals([
            completed,
            cut.map(({ reason }) => reason),
            log.includes("onClose is over"),
          ], [
            0,
            [isHurried ? "hurried" : "deadline"],
            false,
          ]);
          assertEquals(cut[0]!.id !== undefined, true);
          // It holds no later stop, and its end counts for none.
          await listener.start();
          const later = await listener.gracefulStop();
          assertEquals([later.completed, later.cut], [0, []]);
          await net.delay(5_000);
          assertEquals(log.filter((what) => what === "onClose is over").length, 1);
        });
      }
    });
  }
}
