// Which engine a server stands on: Deno's own, or the one for Linux where BENCH_NETWORK says so.
import type { Network } from "../../network.ts";

/** A part of a config. */
export const onNetwork: { network?: Network } = Deno.env.get("BENCH_NETWORK") === "linux"
  ? { network: (await import("../../linux/mod.ts")).linuxNetwork }
  : {};
