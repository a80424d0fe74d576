// A server that passes what it is lent on to others, slow and fast, in every way and without waiting. The network
// overwrites what is lent as soon as it is not any more: a byte that was kept shows.

import {
  type Caller,
  type Client,
  FixedLengthCodec,
  framed,
  Listener,
  type Service,
} from "../../../mod.ts";
import type { SimulatedNetwork } from "../../../testing/mod.ts";
import { serviceOf } from "../../../src/connection/handler.ts";
import {
  type Campaign,
  dial,
  ensure,
  ensureArrived,
  Growing,
  isGentle,
  pieces,
  survives,
} from "./campaign.ts";

/** Passes bytes on. */
type Way = (to: Caller, bytes: Uint8Array) => void;

/** No way waits. */
const WAYS: readonly Way[] = [
  (to, bytes) => void to.write(bytes),
  (to, bytes) => {
    const half = bytes.length >> 1;
    void to.write(bytes.subarray(0, half));
    void to.write(bytes.subarray(half));
  },
  (to, bytes) => {
    const messages = framed(to, new FixedLengthCodec(bytes.length));
    void messages.send(bytes);
  },
  (to, bytes) => {
    const writer = to.writable.getWriter();
    writer.write(bytes).catch(() => {});
    writer.releaseLock();
  },
];

/** What a listener hears arrives as it was lent, whatever it was written by, however slow it is. */
export const lentBytes: Campaign = {
  name: "lent-bytes",
  async run(net) {
    const hearers = new Set<Caller>();
    const ways = new Map<Caller, Way>();
    const pass = (bytes: Uint8Array) => {
      for (const to of hearers) ways.get(to)!(to, bytes);
    };
    await using listener = new Listener(7, {
      network: net.host("server"),
      closeTimeoutInMillis: 600_000,
      maxQueuedBytes: 16_000_000,
    });
    listener.attach((caller) => {
      // The hearers come first.
      if (hearers.size < 2) {
        hearers.add(caller);
        ways.set(caller, net.random.pick(WAYS));
        return { onBytes() {}, onClose: () => void hearers.delete(caller) };
      }
      return speakerService(net, pass);
    });
    await listener.start();
    const connect = () => survives(net, dial(net, "client", { host: "server", port: 7 }));
    const first = await connect();
    const second = first && await connect();
    while (hearers.size < 2 && second !== undefined && isGentle(net)) await net.delay(10);
    const speaker = second && await connect();
    if (speaker !== undefined) {
      const sent = net.random.bytes(net.random.integer(1, 20_000));
      const heard = [first!, second!].map((hearer) => hear(net, hearer, sent.length));
      const echoed = hear(net, speaker, sent.length);
      for (const piece of pieces(net, sent, net.random.pick([10, 1_000, 20_000]))) {
        if (await survives(net, speaker.write(piece)) === undefined) break;
      }
      for (const got of await Promise.all([...heard, echoed])) {
        ensureArrived(net, "what was lent", got, sent);
      }
    }
    for (const client of [first, second, speaker]) await client?.close();
    await listener.gracefulStop({ deadlineInMillis: 600_000 });
    ensure(listener.connections.size === 0, "connections are left after the stop");
  },
};

/** Sends back what comes, and passes it on: by each face that lends. */
function speakerService(net: SimulatedNetwork, pass: (bytes: Uint8Array) => void): Service {
  const lingers = net.random.chance(0.5);
  return net.random.pick<() => Service>([
    () => ({
      onBytes(_caller, bytes) {
        pass(bytes);
        return bytes;
      },
    }),
    () => ({
      async onBytes(_caller, bytes) {
        if (lingers) await net.delay(net.random.integer(0, 50));
        pass(bytes);
        return [bytes.subarray(0, 1), bytes.subarray(1)];
      },
    }),
    () =>
      serviceOf(async (caller) => {
        for await (const bytes of caller) {
          pass(bytes);
          const sent = caller.write(bytes);
          if (lingers) await sent;
        }
      }, {}),
    () => ({
      onBytes(caller, bytes) {
        pass(bytes);
        void caller.write(bytes);
      },
    }),
  ])();
}

async function hear(net: SimulatedNetwork, client: Client, length: number): Promise<Uint8Array> {
  const got = new Growing();
  const into = new Uint8Array(net.random.pick([1, 100, 65_536]));
  const isSlow = net.random.chance(0.5);
  while (got.length < length) {
    const read = await survives(net, net.random.chance(0.5) ? client.read(into) : client.read());
    if (read === undefined || read[1] < 0) break;
    got.add(read[0]);
    if (isSlow && net.random.chance(0.2)) await net.delay(net.random.integer(0, 100));
  }
  return got.bytes;
}
