// An MQTT 3.1.1 broker: quality of service 0 and 1, wildcards, retained messages, last wills.
// Run: deno run --allow-net=127.0.0.1 examples/mqtt_broker.ts [PORT]

import { type Framed, framedService, Listener } from "../mod.ts";
import { forget, publish, subscribe, unsubscribe } from "./mqtt_hub.ts";
import { mqttCodec, type Reply, type Request } from "./mqtt_packets.ts";
import { Session } from "./mqtt_session.ts";

const listener = new Listener(Number(Deno.args[0] ?? 61883), {
  interface: "127.0.0.1",
  maxConnections: 1_000,
  maxTotalQueuedBytes: 256 * 1024 * 1024,
  maxBytesReadPerSecond: 4 * 1024 * 1024, // what a client sends in a second, all who want it can keep
  minBytesPerSecond: 100, // of a packet that has begun
  idleTimeoutInMillis: 5_000, // until they say how often they will be heard of
  idleBy: "received",
});
const sessions = new Map<Framed<Request, Reply>, Session>();

listener.attach(framedService<Request, Reply>(mqttCodec, {
  onConnect: (caller) => void sessions.set(caller, new Session(caller)),
  onMessage(caller, request) {
    const session = sessions.get(caller)!;
    if (request.type === "connect") return session.greet(request);
    if (session.greeting === undefined) return caller.abort("It has not introduced itself");
    if (request.type === "puback") return void (session.owed &&= session.owed - 1);
    if (request.type === "pingreq") return { type: "pingresp" };
    if (request.type === "subscribe") return subscribe(session, request);
    if (request.type === "publish") return publish(session, request.message, request.id);
    if (request.type === "unsubscribe") {
      unsubscribe(session, request.filters.map(([filter]) => filter));
      return { type: "unsuback", id: request.id };
    }
    session.greeting.will = undefined; // it says that it goes
    return void caller.close();
  },
  async onClose(caller) {
    const session = sessions.get(caller)!;
    sessions.delete(caller);
    const will = session.leave();
    for (const _step of will ? publish(session, will) : []) {
      await new Promise((resolve) => setTimeout(resolve));
    }
    await forget(session);
  },
}));

await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
