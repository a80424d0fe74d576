// The limit on a message, which every codec has.

import { checkFrameLength, DEFAULT_MAX_FRAME_LENGTH } from "../base/arguments.ts";
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
}

/** The fields of a {@linkcode FrameConfig}. */
export const FRAME_OPTIONS = optionNames<FrameConfig>({ maxFrameLength: true });

/** Checks the limit in a config that was read. */
export function maxFrameLengthOf(config: FrameConfig): number {
  const { maxFrameLength = DEFAULT_MAX_FRAME_LENGTH } = config;
  return checkFrameLength("maxFrameLength", maxFrameLength);
}
