import { assertEquals } from "@std/assert";
import { denoNetwork } from "../../../src/network/deno/deno_network.ts";
import { isOwnAddress } from "../../../src/network/deno/own_address.ts";
import { scriptOutput } from "../../support/script_output.ts";

Deno.test("isOwnAddress() tells the addresses of this machine from others", () => {
  const own = ["127.0.0.1", "127.0.0.2", "::1", "192.0.2.1", "2001:db8::1"]
    .map((address) => denoNetwork.isOwnAddress!(address));
  assertEquals(own, [true, true, true, false, false]);
});

Deno.test("isOwnAddress() frees what it binds", () => {
  const log: string[] = [];
  const listen = ({ hostname, port }: { hostname: string; port: number }) => {
    log.push(`listen ${hostname} ${port}`);
    return { close: () => void log.push("close") };
  };
  assertEquals(isOwnAddress("127.0.0.1", listen), true);
  assertEquals(log, ["listen 127.0.0.1 0", "close"]);
});

Deno.test("isOwnAddress() does not ask for a permission", async () => {
  const room = import.meta.resolve("../../../src/network/deno/own_address.ts");
  const printed = await scriptOutput(
    ["--allow-net=127.0.0.1:9"],
    `
    import { isOwnAddress } from ${JSON.stringify(room)};
    console.log(isOwnAddress("127.0.0.1", Deno.listen), isOwnAddress("::1", Deno.listen));
  `,
  );
  assertEquals(printed, "false false\n");
});
