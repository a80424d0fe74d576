// What a group can be told.

import { checkChoice, checkInteger, MAX_INTERVAL_IN_MILLIS } from "../base/arguments.ts";
import { optionNames, readOptions } from "../base/options.ts";
import { type Codec, wholeCodec } from "./codec.ts";

/** What becomes of a message for a slow member: see {@linkcode GroupConfig.slow}. */
export type SlowPolicy = "skip" | "close" | "wait";

/**
 * How a {@linkcode Group} is made.
 *
 * @typeParam T The messages.
 * @typeParam Slow What becomes of one for a slow member.
 */
export interface GroupConfig<T, Slow extends SlowPolicy = SlowPolicy> {
  /** Says what the bytes of a message are. Without one, messages are bytes or text. */
  readonly codec?: Codec<unknown, T>;
  /**
   * How many bytes the system may have refused of what waits for a member: with more, it is slow. UDP goes by the
   * `maxQueuedBytes` of its socket. From 0.
   *
   * @default {65_536}
   */
  readonly maxQueuedBytes?: number;
  /**
   * What becomes of a message for a slow member: `"skip"`, it misses the message; `"close"`, its connection ends
   * with `"overflow"`; `"wait"`, `send` waits for it, up to `waitInMillis`, then it misses the message.
   * With that, `send` also waits as soon as so much was queued for a member, which gets that message all the same.
   */
  readonly slow: Slow;
  /**
   * How long one `send` waits for a slow member at most, from 1 to 2_147_483_647; goes with `"wait"`.
   *
   * @default {5_000}
   */
  readonly waitInMillis?: number;
}

const GROUP_OPTIONS = optionNames<GroupConfig<unknown>>({
  codec: true,
  maxQueuedBytes: true,
  slow: true,
  waitInMillis: true,
});

/** A checked {@linkcode GroupConfig}. */
export interface GroupSettings<T> {
  readonly codec: Codec<unknown, T> | undefined;
  readonly maxQueuedBytes: number;
  readonly slow: SlowPolicy;
  readonly waitInMillis: number;
}

/** Checks a config and fills in the defaults. */
export function resolveGroupConfig<T>(config: GroupConfig<T>): GroupSettings<T> {
  const options = readOptions<GroupConfig<T>>(
    "config",
    config,
    GROUP_OPTIONS,
  );
  const { codec, maxQueuedBytes = 65_536, slow, waitInMillis = 5_000 } = options;
  const settings = {
    codec: codec === undefined ? undefined : wholeCodec(codec),
    maxQueuedBytes: checkInteger("maxQueuedBytes", maxQueuedBytes, 0),
    slow: checkChoice<SlowPolicy>("slow", slow, ["skip", "close", "wait"]),
    waitInMillis: checkInteger("waitInMillis", waitInMillis, 1, MAX_INTERVAL_IN_MILLIS),
  };
  if (options.waitInMillis !== undefined && slow !== "wait") {
    throw new TypeError(`waitInMillis goes with slow: "wait": got ${waitInMillis}`);
  }
  return settings;
}
