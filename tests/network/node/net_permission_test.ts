import { assertEquals } from "@std/assert";
import { scriptOutput } from "../../support/script_output.ts";

const room = import.meta.resolve("../../../src/network/node/net_permission.ts");

Deno.test("mayUse() and requireNet() go by host and port, and throw what the runtime throws", async () => {
  const permissions = "--allow-net=127.0.0.1:9,localhost,[::1]:9";
  const printed = await scriptOutput(
    [permissions],
    `
    import { mayUse, requireNet } from ${JSON.stringify(room)};
    const asked = [["127.0.0.1", 9], ["127.0.0.1", 8], ["127.0.0.1"], ["localhost"], ["::1", 9]];
    const thrownBy = (host, port) => {
      try {
        requireNet(host, port);
      } catch (error) {
        return error;
      }
    };
    const allowed = [];
    for (const [host, port] of asked) {
      const mine = mayUse(host, port);
      const thrown = thrownBy(host, port);
      allowed.push(mine && thrown === undefined);
      if (!mine && !(thrown instanceof Deno.errors.NotCapable)) console.log(thrown);
    }
    console.log(...allowed);
    console.log(thrownBy("::1", 8).message);
  `,
  );
  assertEquals(
    printed,
    'true false false true true\nRequires net access to "[::1]:8", run again with the --allow-net flag\n',
  );
});
