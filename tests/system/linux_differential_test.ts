// The same conversations on Deno's network and on the engine for Linux: the books of both ends are the same.
// `deno task differential` has many more of them.

import { assertEquals } from "@std/assert";
import { linuxNetwork } from "../../linux/mod.ts";
import { denoNetwork } from "../../mod.ts";
import { conversation } from "../support/differential.ts";
import { inFolder } from "../support/folder.ts";
import { linuxTest } from "../support/linux_engine.ts";

const SEEDS = 25;

for (const place of ["TCP", "local sockets"]) {
  linuxTest(`linuxNetwork keeps the same books as denoNetwork, over ${place}`, async () => {
    await inFolder(async (folder) => {
      const where = place === "TCP" ? {} : { path: `${folder}/socket` };
      for (let seed = 0; seed < SEEDS; seed++) {
        assertEquals(
          await conversation(linuxNetwork, seed, where),
          await conversation(denoNetwork, seed, where),
          `seed ${seed}`,
        );
      }
    });
  });
}
