import { assertEquals } from "@std/assert";
import { missingFlag, socketFlags } from "../../src/base/permission_advice.ts";
import { outputOf } from "../support/program.ts";
import { scriptOutput } from "../support/script_output.ts";

const ROOM = JSON.stringify(import.meta.resolve("../../src/base/permission_advice.ts"));

const notCapable = (what: string) =>
  new Deno.errors.NotCapable(`Requires ${what}, run again with the --allow-net flag`);

/** Prints what is advised after each of these was tried and refused. */
const advised = (...attempts: string[]) =>
  `import { permissionAdvice } from ${ROOM};
   for (const attempt of [${attempts.map((attempt) => `() => ${attempt}`)}]) {
     try {
       attempt();
       console.log("allowed");
     } catch (error) {
       console.log(permissionAdvice(error));
     }
   }`;

Deno.test("missingFlag() names the permission that was missed, and no more", () => {
  const cases: [what: string, flag: string][] = [
    ['net access to "127.0.0.1:80"', "--allow-net=127.0.0.1:80"],
    // What is started again keeps the port that the system chose for it.
    ['net access to "[::1]:0"', "--allow-net=[::1]"],
    ['net access to "0.0.0.0:0"', "--allow-net=0.0.0.0"],
    ['net access to "127.0.0.1:10"', "--allow-net=127.0.0.1:10"],
    ['net access to "unix:/run/s"', "--allow-net=unix:/run/s"],
    ['net access to "unix:/run/s:0"', "--allow-net=unix:/run/s:0"],
    ['net access to "unix:run/s"', `--allow-net=unix:${Deno.cwd()}/run/s`],
    ['net access to "unix:/run/a,b"', "--allow-net"],
    ['net access to "unix:/run/a b"', "--allow-net='unix:/run/a b'"],
    ['read access to "certs/a.pem"', "--allow-read=certs/a.pem"],
    // The runtime takes no comma within a list, escaped or not.
    ['write access to "/tmp/a/b,c/d,e"', "--allow-write=/tmp/a"],
    ['write access to "/a,b"', "--allow-write=/"],
    ['write access to "a,b"', "--allow-write=."],
    ['read access to "/tmp/$a\'b"', "--allow-read='/tmp/$a'\\''b'"],
    ['ffi access to "/lib/libc.so.6"', "--allow-ffi=/lib/libc.so.6"],
    ['env access to "A"', "--allow-env=A"],
    // An abstract socket has no name that a flag could take, and the runtime may name nothing.
    ['net access to "unix:\0abc"', "--allow-net"],
    ["net access", "--allow-net"],
  ];
  for (const [what, flag] of cases) assertEquals(missingFlag(notCapable(what)), flag, what);
  assertEquals(missingFlag(new Error("needs --unstable-net here")), "--unstable-net");
  assertEquals(missingFlag(new Error("why")), undefined);
});

Deno.test("socketFlags() names all that a local socket needs, as a shell takes it", () => {
  const cwd = Deno.cwd();
  assertEquals(
    socketFlags("a"),
    `--allow-net=unix:${cwd}/a --allow-read=${cwd}/a --allow-write=${cwd}/a`,
  );
  assertEquals(
    socketFlags("/tmp/a b", { folder: "/tmp/a b~", socket: "/tmp/a b~/=" }),
    "--allow-net='unix:/tmp/a b,unix:/tmp/a b~/=' --allow-read='/tmp/a b,/tmp/a b~' " +
      "--allow-write='/tmp/a b,/tmp/a b~'",
  );
  assertEquals(
    socketFlags("/tmp/a,b", { folder: "/tmp/a,b~", socket: "/tmp/a,b~/=" }),
    "--allow-net --allow-read=/tmp --allow-write=/tmp",
  );
});

Deno.test("permissionAdvice() names the flag that denies what is given", async () => {
  const host = `Deno.listen({ hostname: "127.0.0.1", port: 0 })`;
  const name = `Deno.listen({ hostname: "localhost", port: 0 })`;
  const path = "/nowhere/a";
  const file = `Deno.openSync("${path}")`;
  const variable = `Deno.env.get("A")`;
  const library = `Deno.dlopen("${path}", {})`;
  const forbidden = "--deny-net forbids 127.0.0.1:0";
  const cases: [flags: string[], attempt: string, advice: string][] = [
    [["--allow-net", "--deny-net=127.0.0.1:0"], host, forbidden],
    [["--allow-net", "--deny-net=127.0.0.0/8"], host, forbidden],
    [["--allow-net=127.0.0.1", "--deny-net=127.0.0.1:0"], host, forbidden],
    [["--allow-net=127.0.0.1:0", "--deny-net=127.0.0.1"], host, forbidden],
    [["--allow-net=localhost:0", "--deny-net=127.0.0.1"], name, forbidden],
    [["--allow-net", "--deny-net"], host, forbidden],
    [["--allow-net", "--deny-net=localhost"], name, "--deny-net forbids localhost:0"],
    [["--allow-net", "--deny-net=127.0.0.1:1"], host, "allowed"],
    [["--allow-net=127.0.0.1:1"], host, "run with --allow-net=127.0.0.1"],
    [["--deny-net=127.0.0.1:1"], host, "run with --allow-net=127.0.0.1"],
    [["--allow-read", `--deny-read=${path}`], file, `--deny-read forbids ${path}`],
    [["--allow-read=/nowhere", `--deny-read=${path}`], file, `--deny-read forbids ${path}`],
    [["--allow-read=/elsewhere"], file, `run with --allow-read=${path}`],
    [["--allow-env", "--deny-env=A"], variable, "--deny-env forbids A"],
    [["--allow-env", "--deny-env"], variable, "--deny-env forbids A"],
    [["--allow-env=B", "--deny-env=B"], variable, "run with --allow-env=A"],
    [[`--allow-ffi=/nowhere`, `--deny-ffi=${path}`], library, `--deny-ffi forbids ${path}`],
    [["--allow-ffi", `--deny-ffi=${path}`], library, `--deny-ffi forbids ${path}`],
    [["--allow-ffi=/elsewhere"], library, `run with --allow-ffi=${path}`],
  ];
  await Promise.all(cases.map(async ([flags, attempt, advice]) => {
    assertEquals(await scriptOutput(flags, advised(attempt)), `${advice}\n`, flags.join(" "));
  }));
});

Deno.test("permissionAdvice() takes no prompt that was declined for a flag", async () => {
  const script = advised(
    `Deno.listen({ hostname: "127.0.0.1", port: 0 })`,
    `Deno.listen({ hostname: "127.0.0.1", port: 0 })`,
    `Deno.openSync("/nowhere/a")`,
    `Deno.openSync("/nowhere/a")`,
    `Deno.env.get("A")`,
    `Deno.env.get("A")`,
  );
  // Nobody can be asked, so it is as if all were declined.
  const url = `data:application/typescript,${encodeURIComponent(script)}`;
  const printed = await outputOf("deno", ["run", "--quiet", "--no-check", url]);
  const [net, file] = ["--allow-net=127.0.0.1", "--allow-read=/nowhere/a"];
  const variable = "--allow-env=A";
  assertEquals(
    printed.trimEnd().split("\n"),
    [net, net, file, file, variable, variable].map((flag) => `run with ${flag}`),
  );
});
