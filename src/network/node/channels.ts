// The channels of node:diagnostics_channel that events go to. Their objects live as long as the program: asking one of
// them whether somebody has subscribed is all that an event costs where nobody has.

import { type Channel, channel } from "node:diagnostics_channel";

/** A channel, as far as it is used here. */
export type EventChannel = Pick<Channel, "hasSubscribers" | "publish">;

/**
 * Makes the channels of one group, by the last part of their names.
 *
 * @param group The parts before it.
 * @param kinds The last parts.
 */
export function channelsOf<Kind extends string>(
  group: string,
  kinds: readonly Kind[],
): Readonly<Record<Kind, EventChannel>> {
  const made = kinds.map((kind) => [kind, channel(`${group}.${kind}`)]);
  return Object.freeze(Object.fromEntries(made));
}
