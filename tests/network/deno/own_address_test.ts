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
  assertEquals(isOwnAddress("127.0.0.1", listen, () => []), true);
  assertEquals(log, ["listen 127.0.0.1 0", "close"]);
});

Deno.test("isOwnAddress() does not ask for a permission", async () => {
  const room = import.meta.resolve("../../../src/network/deno/own_address.ts");
  const printed = await scriptOutput(
    ["--allow-net=127.0.0.1:9"],
    `
    import { isOwnAddress } from ${JSON.stringify(room)};
    const interfaces = Deno.networkInterfaces;
    for (const address of ["127.0.0.1", "::1"]) {
      console.log(isOwnAddress(address, Deno.listen, interfaces));
    }
  `,
  );
  assertEquals(printed, "false\nfalse\n");
});

Deno.test("isOwnAddress() finds a link-local address in the list, or takes it for one", async () => {
  const room = import.meta.resolve("../../../src/network/deno/own_address.ts");
  const printed = (flags: string[]) =>
    scriptOutput(
      ["--allow-net", ...flags],
      `
      import { isOwnAddress } from ${JSON.stringify(room)};
      const interfaces = () => [{ address: "fe80::1" }, { address: "10.0.0.1" }];
      for (const address of ["fe80::1", "fe80::2", "febf::2", "fec0::1", "192.0.2.1"]) {
        console.log(isOwnAddress(address, Deno.listen, interfaces));
      }
      const listen = ({ hostname }) => ({ close: () => console.log("listen " + hostname) });
      console.log(isOwnAddress("fe80::1%eth0", listen, interfaces));
    `,
    );
  const bound = ["false", "false", "listen fe80::1%eth0", "true", ""];
  assertEquals((await printed(["--allow-sys=networkInterfaces"])).split("\n"), [
    ...["true", "false", "false"],
    ...bound,
  ]);
  assertEquals((await printed([])).split("\n"), ["true", "true", "true", ...bound]);
});
