// The limit on a message, which every codec has.

import { checkFrameLength, checkFunction, DEFAULT_MAX_FRAME_LENGTH } from "../base/arguments.ts";
import type { SocketError } from "../base/errors.ts";
import { optionNames } from "../base/options.ts";

/** The options of every codec. */
export interface FrameConfig {
  /**
   * The longest message in bytes, without what the format puts around it, from 1 to 536_870_888. It holds in
   * both directions: a longer one is neither received nor sent.
   *
   * @default 1_048_576
   */
  readonly maxFrameLength?: number;
  /**
   * Called for each bad frame, or too long a one, that is skipped: then the next message is the one behind it, where
   * its end is known. Without this a bad frame is an error, and ends the connection of a `framedService`.
   */
  readonly onBadFrame?: (error: SocketError) => void;
}

/** The fields of a {@linkcode FrameConfig}. */
export const FRAME_OPTIONS = optionNames<FrameConfig>({ maxFrameLength: true, onBadFrame: true });

/** Checks the limit in a config that was read. */
export function maxFrameLengthOf(config: FrameConfig): number {
  checkFunction("onBadFrame", config.onBadFrame);
  const { maxFrameLength = DEFAULT_MAX_FRAME_LENGTH } = config;
  return checkFrameLength("maxFrameLength", maxFrameLength);
}
