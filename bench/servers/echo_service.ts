// The echo of this library's service face, in the clear and secure.
import type { Service } from "../../mod.ts";

export const echo: Service = {
  async onReadReady(caller) {
    const [bytes, length] = await caller.read();
    if (length > 0) await caller.write(bytes);
  },
};
