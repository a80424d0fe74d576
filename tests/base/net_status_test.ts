import { assertEquals } from "@std/assert";
import { outputOf } from "../support/program.ts";

const NET_STATUS = import.meta.resolve("../../src/base/net_status.ts");

/** What a program with these permissions is told. */
async function told(flags: readonly string[], script: string): Promise<unknown> {
  const source = `import { netState, requestNet } from ${JSON.stringify(NET_STATUS)};
    console.log(JSON.stringify((() => { ${script} })()));`;
  const url = `data:application/typescript,${encodeURIComponent(source)}`;
  const options = ["--quiet", "--no-prompt", "--no-check", "--v8-flags=--expose-gc"];
  return JSON.parse(await outputOf("deno", ["run", ...options, ...flags, url]));
}

const HOSTS = ["127.0.0.1", "127.0.0.1:80", "127.0.0.2:80", "192.0.2.1:9", "[::1]:80", "a.example"];
const FLAGS = [
  [],
  ["--allow-net"],
  ["--allow-net=127.0.0.1"],
  ["--allow-net=127.0.0.1:80,a.example"],
  ["--allow-net=127.0.0.0/8"],
  ["--allow-net", "--deny-net=127.0.0.1:80"],
  ["--allow-net", "--deny-net=127.0.0.1,[::1]"],
];

Deno.test("netState() and requestNet() answer as the runtime does, in any order of questions", async () => {
  await Promise.all(FLAGS.map(async (flags) => {
    const script = `const hosts = ${JSON.stringify([...HOSTS, ...HOSTS.toReversed()])};
      const own = (host) => Deno.permissions.querySync({ name: "net", host }).state;
      const asked = (host) => Deno.permissions.requestSync({ name: "net", host }).state;
      const states = hosts.map(netState);
      return [states, hosts.map(own), hosts.map(requestNet), hosts.map(asked)];`;
    const [states, own, requested, asked] = await told(flags, script) as unknown[];
    assertEquals([states, requested], [own, asked], flags.join(" "));
  }));
});

Deno.test("netState() and requestNet() let nothing be used that the runtime refuses", async () => {
  const granted = "--allow-net=127.0.0.1:0,127.0.0.2:0,[::1]:0,localhost:0";
  const denials = ["127.0.0.1", "127.0.0.0/8", "[::1]", "127.0.0.1:1", "localhost", "192.0.2.1"];
  await Promise.all(denials.map(async (denied) => {
    const hosts = denied === "localhost" ? [denied] : ["127.0.0.1", "127.0.0.2", "::1"];
    const script = `const hosts = ${JSON.stringify(hosts)};
      const may = (hostname) => {
        try {
          Deno.listen({ hostname, port: 0 }).close();
          return "granted";
        } catch (error) {
          if (error instanceof Deno.errors.NotCapable) return "denied";
          throw error;
        }
      };
      const written = (host) => host === "::1" ? "[::1]:0" : host + ":0";
      return [netState, requestNet].map((ask) => hosts.map((host) => [may(host), ask(written(host))]));`;
    const answers = await told([granted, `--deny-net=${denied}`], script) as string[][][];
    for (const [own, ours] of answers.flat()) assertEquals(ours, own, denied);
  }));
});

Deno.test("netState() and requestNet() keep nothing of the hosts that were asked about", async () => {
  for (const flags of FLAGS) {
    const script = `let grown = 0;
      for (const ask of [netState, requestNet]) {
        for (let round = 0; round < 2; round++) {
          gc();
          const before = Deno.memoryUsage().heapUsed;
          for (let i = 0; i < 20_000; i++) ask("10." + (i >> 8 & 255) + "." + (i & 255) + "." + round + ":7");
          gc();
          if (round === 1) grown += Deno.memoryUsage().heapUsed - before;
        }
      }
      return grown;`;
    // An answer that is kept takes some 400 bytes.
    const grown = await told(flags, script) as number;
    assertEquals(grown < 2_000_000, true, `${flags.join(" ")}: ${grown} bytes`);
  }
});
