// Client and Listener over local (Unix) sockets.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Client, GenericError, Listener } from "../../mod.ts";
import { Authority } from "../support/certificates.ts";
import { echo } from "../support/echo.ts";
import { inFolder } from "../support/folder.ts";
import { listening } from "../support/listening.ts";
import { peerTest } from "../support/peers.ts";
import { Program } from "../support/program.ts";

/** Gives a path to listen on. */
const withPath = (body: (path: string) => Promise<void>) =>
  inFolder((folder) => body(`${folder}/socket`));

async function hear(client: Client, length: number): Promise<string> {
  return new TextDecoder().decode((await client.read(length, { timeoutInMillis: 5_000 }))[0]);
}

Deno.test("Client and Listener talk over a path, and say it as their address", async () => {
  await withPath(async (path) => {
    await using listener = await listening(echo, { path, pathMode: 0o600 });
    assertEquals([listener.address, listener.port], [path, 0]);
    assertEquals((await Deno.lstat(path)).mode! & 0o777, 0o600);
    await using client = await Client.connect({ path });
    await client.write("hello");
    assertEquals(await hear(client, 5), "hello");
    assertEquals([client.remoteAddress, client.remotePort, client.localAddress], [path, 0, ""]);
    const [caller] = listener.connections;
    assertEquals([caller!.localAddress, caller!.remoteAddress], [path, ""]);
  });
});

Deno.test("Listener on a path can be started again, and its file goes with it", async () => {
  await withPath(async (path) => {
    const listener = new Listener(0, { path });
    listener.attach(echo);
    for (let i = 0; i < 2; i++) {
      await listener.start();
      await (await Client.connect({ path })).close();
      await listener.gracefulStop();
      await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
    }
  });
});

Deno.test("Listener on a path leaves it to the one that has taken over, and can be started again", async () => {
  await withPath(async (path) => {
    const old = await listening(echo, { path });
    const working = await Client.connect({ path });
    await Deno.remove(path);
    const next = await listening(echo, { path });
    const stopping = old.gracefulStop();
    assertEquals((await stopping).aborted, 0);
    await working.close();
    await using client = await Client.connect({ path });
    await client.write("hello");
    assertEquals(await hear(client, 5), "hello");
    const error = await assertRejects(() => old.start(), GenericError, "another program listens");
    assertEquals(error.code, "in-use");
    await next.immediateStop();
    await old.start();
    assertEquals([old.address, (await Deno.lstat(path)).isSocket], [path, true]);
    await old.immediateStop();
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  });
});

Deno.test("Client and Listener speak TLS over a path, and over an abstract name", async () => {
  const authority = await Authority.make("Tests");
  const secureSocket = await authority.sign();
  await withPath(async (file) => {
    const abstract = Deno.build.os === "linux" ? [`\0${file}`] : [];
    for (const path of [file, ...abstract]) {
      await using _ = await listening(echo, { path, secureSocket });
      await using client = await Client.connect({
        path,
        secureSocket: { caCerts: [authority.cert], serverName: "localhost" },
      });
      await client.write("hello");
      assertEquals(await hear(client, 5), "hello");
      assertEquals(client.secure!.protocol, "TLSv1.3");
    }
  });
});

Deno.test("Client.connect() says that nobody listens at a path", async () => {
  await withPath(async (path) => {
    const error = await assertRejects(
      () => Client.connect({ path }),
      GenericError,
      `Cannot connect to ${path}`,
    );
    assertEquals(error.code, "unreachable");
  });
});

Deno.test("Client.connect() and Listener check a path at the door", async () => {
  await assertRejects(() => Client.connect({ path: "" }), TypeError, "path must be");
  const both = { path: "/a", host: "localhost", port: 1 };
  await assertRejects(() => Client.connect(both), TypeError, "not two of these");
  const nameless = { path: "/a", secureSocket: {} };
  await assertRejects(() => Client.connect(nameless), TypeError, "serverName must be given");
  assertThrows(() => new Listener(1, { path: "/a" }), TypeError, "not both");
  assertThrows(() => new Listener(0, { path: "/a", interface: "::" }), TypeError, "not both");
  assertThrows(() => new Listener(0, { pathMode: 0o600 }), TypeError, "pathMode must go with");
  assertThrows(() => new Listener(0, { path: "/a", pathMode: 0o1000 }), RangeError, "pathMode");
  assertThrows(() => new Listener(0, { path: "\0a", pathMode: 0o600 }), TypeError, "pathMode");
});

/** Connects from a name of its own that is no UTF-8, and waits for an end or a byte. */
const ODDLY_NAMED = `
  use Socket; $SIG{PIPE} = "IGNORE";
  socket(my $stream, AF_UNIX, SOCK_STREAM, 0) or die;
  bind($stream, pack_sockaddr_un("\\0\\xff" . $$)) or die;
  connect($stream, pack_sockaddr_un($ARGV[0])) or die;
  syswrite($stream, "x");
  sysread($stream, my $byte, 1);
`;

await peerTest("A client whose own path is no UTF-8 holds nobody up", ["perl"], async () => {
  await withPath(async (path) => {
    await using listener = await listening(echo, { path });
    for (let i = 0; i < 3; i++) {
      await using odd = new Program("perl", ["-e", ODDLY_NAMED, path]);
      assertEquals((await odd.ending()).code, 0);
      await using client = await Client.connect({ path });
      await client.write("hello");
      assertEquals(await hear(client, 5), "hello");
    }
    assertEquals(listener.stats().rests, 0);
  });
});
