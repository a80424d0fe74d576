import { assertEquals } from "@std/assert";
import { Program } from "../../support/program.ts";

const room = new URL("../../../src/network/linux/permissions.ts", import.meta.url).href;
const code = `import { requireHost, requirePath, refuseDenied, mayUseHost } from ${
  JSON.stringify(room)
};
import { connect } from "node:net";
const tried = (engine, deno) => {
  const said = [engine, deno].map((f) => {
    try { f(); return "allowed"; } catch (e) {
      return e instanceof Deno.errors.NotCapable ? e.name + " " + e.message : "allowed";
    }
  });
  console.log(said[0] === said[1] ? "same" : said.join(" | "));
};
for (const hostname of ["127.0.0.1", "::1", "localhost"]) {
  for (const port of [1, 2]) {
    const listen = () => Deno.listen({ hostname, port }).close();
    tried(() => {
      requireHost(hostname, port);
      if (hostname === "localhost") refuseDenied("127.0.0.1", port);
    }, listen);
    if (mayUseHost(hostname, port) !== (() => {
      try { requireHost(hostname, port); return true; } catch { return false; }
    })()) console.log("mayUseHost differs");
  }
}
for (const path of ["/nowhere/a", "\\0a"]) {
  tried(() => requirePath(path), () => Deno.listen({ transport: "unix", path }).close());
}`;

Deno.test("requireHost() and requirePath() decide as Deno does, with the same error", async () => {
  for (
    const flags of [
      [],
      ["--allow-net"],
      ["--allow-net=127.0.0.1:1,[::1]:2"],
      ["--allow-net=localhost"],
      ["--allow-net=localhost:1"],
      ["--allow-net", "--deny-net=127.0.0.1"],
      ["--allow-net=localhost", "--deny-net=127.0.0.1:2"],
      ["--allow-net", "--allow-read"],
      ["--allow-net", "--allow-write"],
      ["--allow-net", "--allow-read", "--allow-write"],
      ["--allow-net=unix:/nowhere/a", "--allow-read=/nowhere", "--allow-write=/nowhere"],
      ["--allow-read", "--allow-write"],
    ]
  ) {
    await using program = new Program("deno", ["run", "--no-prompt", "--quiet", ...flags, "-"]);
    await program.type(code);
    await program.endInput();
    const { stdout, stderr } = await program.ending();
    assertEquals(stdout + stderr, "same\n".repeat(8), flags.join(" "));
  }
});
