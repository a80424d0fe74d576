import { assertEquals, assertRejects } from "@std/assert";
import { lookUpAddresses } from "../../../src/network/linux/name_lookup.ts";
import { linuxTest } from "../../support/linux_engine.ts";

linuxTest(
  "lookUpAddresses() finds what the system knows, of the family that is asked for",
  async () => {
    const { addresses, isDirect } = await lookUpAddresses("localhost", 0);
    assertEquals([addresses.includes("127.0.0.1"), isDirect], [true, true]);
    assertEquals((await lookUpAddresses("localhost", 4)).addresses, ["127.0.0.1"]);
  },
);

linuxTest("lookUpAddresses() fails in the words of Deno's own", async () => {
  const theirs = await assertRejects(
    () => Deno.connect({ hostname: "nobody.invalid", port: 1 }),
    Error,
  );
  const ours = await assertRejects(() => lookUpAddresses("nobody.invalid", 0), Error);
  assertEquals(ours.message, theirs.message);
});
