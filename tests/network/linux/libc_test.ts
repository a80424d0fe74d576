import { assertEquals, assertMatch } from "@std/assert";
import { libc, libcProblem } from "../../../src/network/linux/libc.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { Program } from "../../support/program.ts";

const door = new URL("../../../linux/mod.ts", import.meta.url).href;
const code = `const { linuxNetwork, linuxNetworkProblem } = await import(${JSON.stringify(door)});
console.log(linuxNetworkProblem() ?? "none");
try { await linuxNetwork.connect({ hostname: "127.0.0.1", port: 1 }); } catch (e) {
  console.log(e.name + ": " + e.message);
}`;

/** What a program prints that was started with these flags. */
async function printed(...flags: string[]): Promise<string> {
  await using program = new Program("deno", ["run", "--no-prompt", "--quiet", ...flags, "-"]);
  await program.type(code);
  await program.endInput();
  const { stdout, stderr } = await program.ending();
  return stdout + stderr;
}

const PATH = `/lib/${Deno.build.arch}-linux-gnu/libc.so.6`;

linuxTest("libc() is opened once, and leaves no library open", () => {
  assertEquals(libc(), libc());
  assertEquals(libcProblem(), undefined);
});

linuxTest("libc() takes --allow-ffi, or the path of the library", async () => {
  const allowed = ["--allow-net=127.0.0.1:2"];
  // It got as far as the permission for the host.
  const got = /^none\nNotCapable: Requires net access to "127.0.0.1:1"/;
  assertMatch(await printed("--allow-ffi", ...allowed), got);
  assertMatch(await printed(`--allow-ffi=${PATH}`, ...allowed), got);
});

linuxTest("libcProblem() says which flag denies the permission, and so does a call", async () => {
  const cases: [flags: string[], advice: string][] = [
    [
      [`--allow-ffi=${PATH.slice(0, PATH.lastIndexOf("/"))}`, `--deny-ffi=${PATH}`],
      `--deny-ffi forbids ${PATH}`,
    ],
    [
      ["--allow-ffi", "--deny-ffi"],
      `run with --allow-ffi=${PATH} (or with --allow-ffi, if the library is elsewhere), ` +
      "and without --deny-ffi, if that is given",
    ],
  ];
  for (const [flags, advice] of cases) {
    const [problem, error] = (await printed("--allow-net", ...flags)).split("\n");
    assertEquals(problem, `Cannot use the engine for Linux: no permission, ${advice}`);
    assertEquals(error, `GenericError: ${problem}`);
  }
});

linuxTest("libcProblem() says that the permission is missing, and so does a call", async () => {
  for (const flags of [[], ["--allow-ffi=libc.so.6"]]) {
    const [problem, error] = (await printed("--allow-net", ...flags)).split("\n");
    assertEquals(
      problem,
      `Cannot use the engine for Linux: no permission, run with --allow-ffi=${PATH} ` +
        "(or with --allow-ffi, if the library is elsewhere)",
    );
    assertEquals(error, `GenericError: ${problem}`);
  }
});
