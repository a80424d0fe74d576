// The service that most tests attach.

import type { Service } from "../../mod.ts";

/** Writes back what it reads. */
export const echo: Service = {
  async onReadReady(caller) {
    const [bytes, length] = await caller.read();
    if (length > 0) await caller.write(bytes);
  },
};
