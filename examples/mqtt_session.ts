// What the broker knows of a client: a part of mqtt_broker.ts.

import { type Framed, Group } from "../mod.ts";
import { type Message, mqttCodec, type Reply, type Request } from "./mqtt_packets.ts";

const MOST_QUEUED_BYTES = 4 * 1024 * 1024; // fewer than the connection may have: answers find room
const MOST_UNACKNOWLEDGED = 60_000; // there are 65,535 numbers

const names = new Map<string, Session>();

/** A client, from its connection on. */
export class Session {
  /** How it has introduced itself. */
  greeting: Extract<Request, { type: "connect" }> | undefined;
  /** What it has subscribed to. */
  readonly filters = new Set<string>();
  /** How many levels these have together. */
  levels = 0;
  /** How many acknowledgements it owes. */
  owed = 0;
  #lastId = 0;
  /** Itself alone: a group knows who is slow, and a burst makes nobody slow. */
  readonly #self = new Group({ codec: mqttCodec, slow: "skip", maxQueuedBytes: MOST_QUEUED_BYTES });

  constructor(readonly caller: Framed<Request, Reply>) {
    this.#self.add(caller);
  }

  /** Takes its greeting, in the place of another client of that name, or refuses it. */
  greet(greeting: NonNullable<Session["greeting"]>): void {
    const { code, name, keepAlive } = greeting;
    if (this.greeting !== undefined) return this.caller.abort("It has introduced itself before");
    void this.caller.send({ type: "connack", payload: Uint8Array.of(0, code) });
    if (code > 0) return void this.caller.close();
    names.get(name)?.caller.abort("Another client has its name");
    if (name !== "") names.set(name, this);
    this.greeting = greeting;
    // It ends where it says nothing for longer than it has promised. With 0 it has promised nothing.
    this.caller.connection.idleTimeoutInMillis = keepAlive > 0 ? keepAlive * 1_500 : Infinity;
  }

  /** Gives its name up, and what is to be published now. */
  leave(): Message | undefined {
    if (names.get(this.greeting?.name ?? "") === this) names.delete(this.greeting!.name);
    return this.greeting?.will;
  }

  /** Makes a packet of a message, with the quality of service that was granted. */
  packet(message: Message, granted: number): Reply {
    const qos = Math.min(message.qos, granted);
    this.owed += qos;
    if (this.owed > MOST_UNACKNOWLEDGED) this.caller.abort("It does not acknowledge");
    this.#lastId = (this.#lastId + qos) % 65_536 || 1;
    return { ...message, type: "publish", id: qos > 0 ? this.#lastId : 0, qos };
  }

  /** Sends a message. Where too much waits for the client, it misses one of QoS 0; one of QoS 1 ends it. */
  deliver(message: Message, granted: number): void {
    const packet = this.packet(message, granted);
    const isMissed = this.#self.send(packet).skipped > 0;
    if (isMissed && packet.qos! > 0) this.caller.abort("It does not read");
  }
}
