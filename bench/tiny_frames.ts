// Frames of nothing, or next to nothing, to be sent as often as possible.

/** One of each kind. */
export const TINY_FRAMES = {
  "blank JSON lines": "\n",
  "JSON lines": "1\n",
  "lines": "x\n",
  "empty frames of one byte": "\0",
  "empty netstrings": "0:,",
} as const;
