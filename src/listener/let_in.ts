// Where a connection comes from that a listener has let in. There may be very many, so each has only what is its own:
// what all have in common is in one place.

import type { NetworkAddress } from "../base/address.ts";
import type { Connection } from "../connection/connection.ts";
import type { ConnectionEnd } from "../connection/connection_end.ts";
import type { ListenerLimits, Origin, PrepareUpgrade } from "../connection/origin.ts";
import type { SocketError } from "../base/errors.ts";
import type { Events } from "../events/events.ts";
import type { Guard, Pass } from "./guard/guard.ts";
import type { OpenConnections } from "./open_connections.ts";
import type { ProxyHeader } from "../proxy/proxy_header.ts";

/** What all connections of an entrance have in common. */
export interface House extends Required<Pick<Origin, "events" | "prepareUpgrade" | "onInjected">> {
  /** Counts it out. */
  readonly guard: Guard;
  /** Where it is until it leaves. */
  readonly openConnections: OpenConnections;
}

/** Where one connection comes from. */
export class LetIn implements Origin {
  readonly limits: ListenerLimits | undefined;
  readonly acceptedAt: number;
  /** Set as soon as it is made. */
  caller: Connection | undefined;
  readonly #house: House;
  readonly #pass: Pass;

  /**
   * @param house What it has in common with the others.
   * @param pass Its pass.
   * @param limits What the listener allows it, if that is limited.
   * @param acceptedAt When it was accepted.
   */
  constructor(house: House, pass: Pass, limits: ListenerLimits | undefined, acceptedAt: number) {
    this.#house = house;
    this.#pass = pass;
    this.limits = limits;
    this.acceptedAt = acceptedAt;
  }

  get id(): number {
    return this.#pass.id;
  }

  get sender(): NetworkAddress {
    return this.#pass.sender;
  }

  get proxy(): ProxyHeader | undefined {
    return this.#pass.header;
  }

  get events(): Events {
    return this.#house.events;
  }

  get prepareUpgrade(): PrepareUpgrade {
    return this.#house.prepareUpgrade;
  }

  get onInjected(): House["onInjected"] {
    return this.#house.onInjected;
  }

  onLeave(by: ConnectionEnd["by"], error: SocketError | undefined): void {
    const { openConnections, guard } = this.#house;
    openConnections.delete(this.caller!);
    guard.leave(this.#pass, this.caller, by, error);
  }

  onDone(): void {
    this.#house.openConnections.done(this.caller!);
  }
}
