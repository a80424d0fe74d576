// What is sent by somebody who sends nothing, or next to nothing, as often as can be.

/** One of each kind. */
export const TINY_FRAMES = {
  "blank JSON lines": "\n",
  "JSON lines": "1\n",
  "lines": "x\n",
  "empty frames of one byte": "\0",
  "empty netstrings": "0:,",
} as const;
