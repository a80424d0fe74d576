// What the broker knows of a client: a part of mqtt_broker.ts.

import type { Framed } from "../mod.ts";
import type { Message, Reply, Request } from "./mqtt_packets.ts";

const MOST_QUEUED_BYTES = 64 * 1024;
const MOST_UNACKNOWLEDGED = 60_000; // there are 65,535 numbers
const PATIENCE_IN_MILLIS = 5_000;

const names = new Map<string, Session>();

/** A client, from its connection on. */
export class Session {
  /** How it has introduced itself. */
  greeting: Extract<Request, { type: "connect" }> | undefined;
  /** What it has subscribed to. */
  readonly filters = new Set<string>();
  /** How many acknowledgements it owes. */
  owed = 0;
  #lastId = 0;

  constructor(readonly caller: Framed<Request, Reply>) {}

  /** Takes its greeting, in the place of another client of that name, or refuses it. */
  greet(greeting: NonNullable<Session["greeting"]>): void {
    const { code, name } = greeting;
    if (this.greeting !== undefined) return this.caller.abort("It has introduced itself before");
    void this.caller.send({ type: "connack", payload: Uint8Array.of(0, code) });
    if (code > 0) return void this.caller.close();
    names.get(name)?.caller.abort("Another client has its name");
    if (name !== "") names.set(name, this);
    this.greeting = greeting;
    this.watch();
  }

  /** Ends it if it says nothing for longer than it has promised, or may be silent for as long as it likes (0). */
  watch(keepAlive = this.greeting!.keepAlive): void {
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

  /** Sends a message. Where the client is slow, gives what to wait for; if it stays so, it is ended. */
  deliver(message: Message, granted: number): Promise<void> | undefined {
    void this.caller.send(this.packet(message, granted));
    if (this.caller.connection.queuedBytes < MOST_QUEUED_BYTES) return undefined;
    const patience = { below: MOST_QUEUED_BYTES, timeoutInMillis: PATIENCE_IN_MILLIS };
    return this.caller.drained(patience).catch(() => this.caller.abort("It does not read"));
  }
}
