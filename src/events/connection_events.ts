// The events of one connection, of a listener or of a client: made here, from what is known where it happens.

import type { SocketError } from "../base/errors.ts";
import type { Transport } from "../network/network.ts";
import { secureOf } from "../network/told.ts";
import type { Events } from "./events.ts";
import type { OtelContext } from "./otel_api.ts";
import { errorField, secureFields, subjectOf, summaryOf } from "./socket_event.ts";
import type { HandshakeTimes } from "./telemetry.ts";

/** A connection, and since when. */
export interface Beginning {
  /** Its `id`. */
  readonly id: number;
  /** When it was accepted, or when the client began to connect. */
  readonly begunAt: number;
  /** What was current then. */
  readonly context?: OtelContext | undefined;
}

/** How a connection has ended, and what went over it. */
export interface Outcome {
  readonly by: "peer" | "local" | "stop" | "error";
  readonly error: SocketError | undefined;
  readonly durationInMillis: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** The handshakes that secure streams went through, where somebody wanted to hear of them. */
const handshakes = new WeakMap<Transport, HandshakeTimes>();
/** The upgrades that open streams in the clear went into, and how long they took, once that is known. */
const upgrades = new WeakMap<Transport, { readonly begunAt: number; durationInMillis?: number }>();

/** Whether the program or a stop ended a connection; a limit ends one because of the peer. */
export function isGivenUp(error: SocketError | undefined): boolean {
  return error === undefined || error.code === "aborted";
}

/** An open stream in the clear goes into a handshake. If that is what it does not survive, its end says so. */
export function noteUpgrade(plain: Transport, begunAt: number): void {
  upgrades.set(plain, { begunAt });
}

/** The handshake of {@linkcode noteUpgrade} has failed. The stream may end later: its service is told first. */
export function noteFailedUpgrade(plain: Transport, now: number): void {
  const upgrade = upgrades.get(plain);
  if (upgrade !== undefined) upgrade.durationInMillis ??= now - upgrade.begunAt;
}

/** The handshake that a stream in the clear has ended in, unless it was given up. */
function failedUpgrade(
  transport: Transport,
  error: SocketError | undefined,
  now: number,
): HandshakeTimes | undefined {
  const upgrade = upgrades.get(transport);
  if (upgrade === undefined || isGivenUp(error)) return undefined;
  const { begunAt, durationInMillis = now - begunAt } = upgrade;
  return { begunAt, durationInMillis, hasFailed: true };
}

/** A connection has begun. */
export function tellOpened(
  events: Events,
  { id, begunAt }: Beginning,
  transport: Transport,
  now: number,
): void {
  events.emit({
    kind: "opened",
    ...subjectOf(events.side, id, transport),
    ...secureFields(secureOf(transport)),
    openingInMillis: Math.round(now - begunAt),
  });
}

/** Whether anybody wants to know how long a handshake takes that begins now. */
export function hearsHandshake(events: Events): boolean {
  return events.hears("secured") || events.hears("ended") || events.hears("refused");
}

/**
 * A handshake has succeeded.
 *
 * @param secured The secure stream.
 * @param begunAt When it began.
 */
export function tellSecured(
  events: Events,
  id: number,
  secured: Transport,
  begunAt: number,
  now: number,
): void {
  const secure = secureOf(secured);
  if (secure === undefined) return;
  const durationInMillis = now - begunAt;
  handshakes.set(secured, { begunAt, durationInMillis });
  if (!events.hears("secured")) return;
  events.emit({
    kind: "secured",
    ...subjectOf(events.side, id, secured),
    secure: summaryOf(secure),
    durationInMillis: Math.round(durationInMillis),
  });
}

/** A connection is over. */
export function tellEnded(
  events: Events,
  { id, begunAt, context }: Beginning,
  transport: Transport,
  { error, ...outcome }: Outcome,
  now: number,
): void {
  const handshake = handshakes.get(transport);
  events.emit({
    kind: "ended",
    ...subjectOf(events.side, id, transport),
    ...outcome,
    ...errorField(error),
    ...secureFields(secureOf(transport)),
    ...(handshake === undefined
      ? {}
      : { handshakeInMillis: Math.round(handshake.durationInMillis) }),
  }, { now, begunAt, handshake: handshake ?? failedUpgrade(transport, error, now), context });
}
