// The rooms of the chat in one process: a group of the guests who are here, and the bus for those who are elsewhere.

import { type Framed, Group, type LineCodec } from "../../mod.ts";
import { printable } from "../printable.ts";
import type { Bus, Hearing } from "./bus.ts";

interface Room {
  readonly here: Group<string>;
  readonly hearing: Hearing;
}

/** In characters, which have at most three bytes each: the name of a guest, and the longest line of one. */
const LONGEST = 1_100;

/** Makes a line of what is on the bus: other programs may publish there, whatever they like. */
function lineOf(said: string): string {
  return printable(said.slice(0, LONGEST).toWellFormed());
}

/** All rooms with somebody in them. */
export class Rooms {
  readonly #bus: Bus;
  readonly #codec: LineCodec;
  readonly #process = crypto.randomUUID().slice(0, 8);
  readonly #rooms = new Map<string, Room>();
  readonly #roomOf = new WeakMap<Framed<string>, string>();
  #missed = 0;

  /** @param bus What carries the lines. @param codec How they are written to guests. */
  constructor(bus: Bus, codec: LineCodec) {
    this.#bus = bus;
    this.#codec = codec;
  }

  /** How many lines guests have missed because they did not read. */
  get missed(): number {
    return this.#missed;
  }

  /** A guest enters a room, and leaves the one that it was in. Resolves when it hears all that is said there. */
  enter(guest: Framed<string>, name: string): Promise<void> {
    this.leave(guest);
    let room = this.#rooms.get(name);
    if (room === undefined) {
      const here = new Group({ codec: this.#codec, slow: "skip" });
      const hearing = this.#bus.hear(name, (said) => {
        this.#missed += here.send(lineOf(said)).skipped;
      });
      this.#rooms.set(name, room = { here, hearing });
    }
    room.here.add(guest.connection);
    this.#roomOf.set(guest, name);
    return room.hearing.begun;
  }

  /** A guest leaves its room. With the last one the process stops hearing the room. */
  leave(guest: Framed<string>): void {
    const name = this.#roomOf.get(guest);
    const room = this.#rooms.get(name ?? "");
    if (name === undefined || room === undefined) return;
    this.#roomOf.delete(guest);
    room.here.delete(guest.connection);
    if (room.here.size > 0) return;
    room.hearing.end();
    this.#rooms.delete(name);
  }

  /** A guest says something to its room. Gives the reason where that was not possible. */
  say(guest: Framed<string>, text: string): string | undefined {
    const room = this.#roomOf.get(guest);
    if (room === undefined) return "* not said: enter a room first, with /join ROOM";
    const isSaid = this.#bus.publish(room, `${this.#process}-${guest.id}: ${text}`);
    return isSaid ? undefined : "* not said: the bus is away";
  }

  /** Tells all guests of this process. */
  tellAll(line: string): void {
    for (const { here } of this.#rooms.values()) here.send(line);
  }
}
