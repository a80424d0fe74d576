// One process of a chat that any number of processes serve, on any number of machines: guests come through HAProxy
// (haproxy.cfg), and what they say goes through NATS or Redis.
// Run: deno run --allow-net=127.0.0.1 --allow-env --allow-sys examples/chat_cluster/server.ts --bus=nats://127.0.0.1:4222

import { parseArgs } from "node:util";
import { framedService, LineCodec, Listener } from "../../mod.ts";
import { connectBus } from "./connect_bus.ts";
import { answerHealth } from "./health.ts";
import { Rooms } from "./rooms.ts";

const { values } = parseArgs({
  options: {
    bus: { type: "string", default: "nats://127.0.0.1:4222" },
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "61600" },
    health: { type: "string", default: "61601" },
    "accept-for": { type: "string", default: "1000" },
    proxy: { type: "string", default: "127.0.0.1" },
  },
});
// Else it would find out in the middle of its stop.
if (!/^\d{1,9}$/.test(values["accept-for"])) throw new RangeError("--accept-for: milliseconds");

const listener = new Listener(Number(values.port), {
  interface: values.host,
  proxyProtocol: { trusted: [values.proxy] },
  maxConnections: 10_000,
  idleTimeoutInMillis: 600_000,
});
let isOpen = false;
let rooms: Rooms | undefined;
// It answers from the beginning: a process that waits for its bus is alive, and wants no guests yet.
answerHealth(values.host, Number(values.health), {
  isReady: () => isOpen && !listener.stopping.aborted && bus.isUp,
  stats: () => ({ ...listener.stats(), missed: rooms?.missed ?? 0 }),
});
const patience = setTimeout(
  () => console.error(`There is no bus at ${values.bus} yet: this process waits for it`),
  500,
);
const bus = await connectBus(values.bus, (isUp) => {
  console.error(isUp ? "The bus is there" : "The bus is away");
  // A guest who says nothing would not learn otherwise that lines of others may be missing.
  rooms?.tellAll(isUp ? "* the bus is back: lines may be missing" : "* the bus is away");
});
clearTimeout(patience);
// The longest line of a room has 3,300 bytes.
const here = rooms = new Rooms(bus, new LineCodec({ maxFrameLength: 4_000 }));

const typed = new LineCodec({ maxFrameLength: 1_000, invalidBytes: "replace" });
listener.attach(framedService(typed, {
  async onMessage(guest, line) {
    const room = /^\/join (\w{1,50})$/.exec(line)?.[1];
    if (room === undefined) return here.say(guest, line);
    // A guest who is told so misses nothing from then on.
    await here.enter(guest, room);
    return `* you are in ${room}`;
  },
  onError: (guest, error) => console.error(`${guest.remoteAddress}: ${error.message}`),
  onClose: (guest) => here.leave(guest),
  onStop: async (guest) => void await guest.send("* this server goes away: come again"),
}));
await listener.start();
isOpen = true;

Deno.addSignalListener("SIGTERM", async () => {
  if (listener.stopping.aborted) return;
  // As long as HAProxy may still send somebody: it asks /readyz every 200 ms.
  const patience = { acceptForInMillis: Number(values["accept-for"]), deadlineInMillis: 10_000 };
  console.log(JSON.stringify(await listener.gracefulStop(patience)));
  await bus.close();
  // Nobody waits for those who ask for probes.
  Deno.exit();
});
// Last: whoever reads it may send a signal at once.
console.log(`Listening on ${listener.address}:${listener.port}`);
