// Which names may be looked up depends on the permissions, so most of this runs in separate processes.

import { assertEquals } from "@std/assert";
import { lookUpName } from "../../../src/network/node/name_lookup.ts";
import { scriptOutput } from "../../support/script_output.ts";

const lookup = import.meta.resolve("../../../src/network/node/name_lookup.ts");

async function lookedUpWith(permissions: string): Promise<unknown> {
  const printed = await scriptOutput(
    [`--allow-net=${permissions}`],
    `import { lookUpName } from ${JSON.stringify(lookup)};
     console.log(JSON.stringify(await lookUpName("localhost", 9, 4)));`,
  );
  return JSON.parse(printed);
}

Deno.test("lookUpName() asks the system's resolver, for the family that is wanted", async () => {
  assertEquals(await lookUpName("localhost", 9, 4), { addresses: ["127.0.0.1"], isDirect: true });
});

Deno.test("lookUpName() tells what the program may do with a name", async () => {
  assertEquals(
    await Promise.all([
      lookedUpWith("localhost,127.0.0.1:9"),
      lookedUpWith("localhost,127.0.0.1"),
      lookedUpWith("localhost"),
      lookedUpWith("localhost:9"),
      lookedUpWith("127.0.0.1"),
    ]),
    [
      { addresses: ["127.0.0.1"], isDirect: true },
      { addresses: ["127.0.0.1"], isDirect: true },
      { addresses: ["127.0.0.1"], isDirect: false },
      // Neither of these may look it up; the first may use the name.
      { addresses: [], isDirect: false },
      { addresses: [], isDirect: false },
    ],
  );
});

Deno.test("lookUpName() gives all addresses of a name, of one family or of both", async () => {
  const { addresses } = await lookUpName("localhost", 9, 0);
  assertEquals(addresses.includes("127.0.0.1"), true);
});
