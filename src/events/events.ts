// The one point from which events go out: to the user's onEvent, to the channels of node:diagnostics_channel, and to
// OpenTelemetry. Where none of them listens, an event costs two comparisons and one question to a channel: ask `hears`
// first, and make the event only then.
//
// Every listener is called in a turn of its own: called in the middle of what it is told, it could start the same
// again, endlessly. What it throws is printed and ends nothing.

import { tell } from "../base/user_code.ts";
import { channelsOf, type EventChannel } from "../network/node/channels.ts";
import type { Attributes } from "./otel_api.ts";
import type { EventKind, SocketEvent } from "./socket_event.ts";
import { type EventTimes, type Source, Telemetry } from "./telemetry.ts";
import type { WatchSettings } from "./watch_config.ts";

/** What the events are about: streams, or datagrams. */
export type Matter = "connection" | "datagram";

const SUBJECTS = ["opened", "secured", "refused", "ended"] as const;
const OWNERS = ["rested", "reloaded", "stopping", "stopped"] as const;
const listener = channelsOf("socket.listener", OWNERS);
/** `socket.connection.opened` and so on. What a listener says of itself has one group for streams and datagrams. */
const CHANNELS: Readonly<Record<Matter, Readonly<Record<EventKind, EventChannel>>>> = {
  connection: { ...channelsOf("socket.connection", SUBJECTS), ...listener },
  datagram: { ...channelsOf("socket.datagram", SUBJECTS), ...listener },
};

/** Reports what happens to the sockets of one owner. */
export class Events {
  /** Whether the owner listens or dials. */
  readonly side: "listener" | "client";
  readonly #channels: Readonly<Record<EventKind, EventChannel>>;
  readonly #onEvent: ((event: never) => void) | undefined;
  readonly #telemetry: Telemetry | undefined;

  /**
   * @param matter What the events are about.
   * @param side Whether the owner listens or dials.
   * @param watch Who hears of them.
   * @param about What OpenTelemetry is told that they are about, where that is known now.
   */
  constructor(
    matter: Matter,
    side: "listener" | "client",
    watch: WatchSettings,
    about?: Attributes,
  ) {
    this.side = side;
    this.#channels = CHANNELS[matter];
    this.#onEvent = watch.onEvent;
    if (watch.telemetry) this.#telemetry = new Telemetry(matter, side, about);
  }

  /** Whether anybody listens: without that, no event need be made. */
  hears(kind: EventKind): boolean {
    return this.#onEvent !== undefined || this.#telemetry !== undefined ||
      this.#channels[kind].hasSubscribers;
  }

  /**
   * Reports an event to everybody who listens.
   *
   * @param event What has happened; it is frozen.
   * @param times When it began, by the clock of its network.
   */
  emit(event: SocketEvent, times?: EventTimes): void {
    Object.freeze(event);
    this.#telemetry?.record(event, times);
    const channel = this.#channels[event.kind];
    const onEvent = this.#onEvent as ((event: SocketEvent) => unknown) | undefined;
    tell(onEvent, event);
    if (channel.hasSubscribers) tell(publish, channel, event);
  }

  /** Whether OpenTelemetry is wanted: then the numbers of the owner are. */
  get isTraced(): boolean {
    return this.#telemetry !== undefined;
  }

  /** From now on these numbers are among those that OpenTelemetry collects. Adding them twice is adding them once. */
  addSource(source: Source): void {
    this.#telemetry?.addSource(source);
  }

  /** From now on these numbers do not change any more. */
  removeSource(source: Source): void {
    this.#telemetry?.removeSource(source);
  }
}

function publish(channel: EventChannel, event: SocketEvent): void {
  channel.publish(event);
}
