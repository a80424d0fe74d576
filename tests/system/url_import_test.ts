// The library as its users get it: by URL, in a folder with nothing else, from an empty cache.

import { assert, assertEquals } from "@std/assert";
import { repositoryFiles, root } from "../support/source.ts";

/** Connects to a listener of its own, sends itself a datagram, and prints what it receives. No flag is needed. */
const program = (specifier: string) => `
import { Client, GenericError, Listener, UdpClient } from "${specifier}";

await using listener = new Listener(0, { interface: "127.0.0.1" });
listener.attach({
  async onReadReady(caller) {
    const [bytes, length] = await caller.read();
    if (length > 0) await caller.write(bytes);
  },
});
await listener.start();
await using client = await Client.connect({ host: "127.0.0.1", port: listener.port });
await client.write("Hello by URL");
const [bytes, length] = await client.read(12);
console.log(new TextDecoder().decode(bytes), length);
await client.close();
const error = await client.write("too late").catch((error) => error);
console.log(error instanceof GenericError && error.code);

await using receiver = new UdpClient({ host: "127.0.0.1", port: 0 });
await using sender = new UdpClient({ host: "127.0.0.1", port: 0 });
await sender.sendTo("Hello UDP", await receiver.bound);
console.log((await receiver.receiveFrom())[1]);
`;

const PRINTED = "Hello by URL 12\nclosed\n9\n";

/** Serves the repository at a version, as a host of modules does, and records the requests. */
function serveRepository() {
  const requested: string[] = [];
  const paths = new Set(repositoryFiles());
  const { version } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", root)));
  const prefix = `/x/socket@v${version}/`;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const path = pathname.startsWith(prefix) ? pathname.slice(prefix.length) : pathname;
    requested.push(path);
    if (!paths.has(path)) return new Response("no such file", { status: 404 });
    const headers = { "content-type": "application/typescript; charset=utf-8" };
    return new Response(await Deno.readFile(new URL(path, root)), { headers });
  });
  const host = `127.0.0.1:${server.addr.port}`;
  return {
    host,
    url: `http://${host}${prefix}`,
    requested,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Runs a program in a new folder that holds only the files given, with a cache of its own. */
async function runAlone(files: Record<string, string>, flags: readonly string[]) {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", ...flags, "main.ts"],
      cwd: folder,
      clearEnv: true,
      env: { DENO_DIR: `${folder}/.deno`, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    return { success, output: decoder.decode(stdout), errors: decoder.decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function assertOnlyTheLibrary(requested: readonly string[]): void {
  assert(requested.includes("mod.ts") && requested.includes("src/connection/client.ts"));
  assertEquals(requested.filter((path) => !/^(mod\.ts|src\/[\w/]+\.ts)$/.test(path)), []);
  assertEquals(requested.length, new Set(requested).size, "something was loaded twice");
}

Deno.test("mod.ts imported by URL connects, listens and answers, and loads nothing but src/", async () => {
  await using server = serveRepository();
  const { success, output, errors } = await runAlone(
    { "main.ts": program(`${server.url}mod.ts`) },
    ["--check=all", "--allow-net=127.0.0.1", `--allow-import=${server.host}`],
  );
  assertEquals([success, output, errors], [true, PRINTED, ""]);
  assertOnlyTheLibrary(server.requested);
});

Deno.test("mod.ts imported by a name in an import map does the same", async () => {
  await using server = serveRepository();
  const { success, output, errors } = await runAlone(
    {
      "main.ts": program("socket/mod.ts"),
      "import_map.json": JSON.stringify({ imports: { "socket/": server.url } }),
    },
    ["--import-map=import_map.json", "--allow-net=127.0.0.1", `--allow-import=${server.host}`],
  );
  assertEquals([success, output, errors], [true, PRINTED, ""]);
  assertOnlyTheLibrary(server.requested);
});
