import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GenericError, type SocketError } from "../../src/errors.ts";
import { denoNetwork, type Transport } from "../../src/network.ts";
import {
  checkPath,
  connectPath,
  formatPath,
  isAbstract,
  type LocalSockets,
} from "../../src/transport/unix.ts";
import { connectedTransports, VirtualClock } from "../../testing/mod.ts";
import { Program } from "../support/program.ts";

const listenPath = denoNetwork.listenPath!;
const dial = denoNetwork.connectPath!;

async function inFolder(body: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(`${folder}/socket`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Leaves the file of a program that was killed. */
async function leaveStale(path: string): Promise<void> {
  const code = `Deno.listen({ transport: "unix", path: Deno.args[0] }).accept(); console.log("up")`;
  await using program = new Program("deno", ["eval", code, path]);
  await program.line(/up/);
  program.signal("SIGKILL");
  await program.ending();
  assertEquals((await Deno.lstat(path)).isSocket, true);
}

Deno.test("checkPath() takes what the system has room for", () => {
  for (const path of ["a", "/tmp/socket", "\0name", "x".repeat(100)]) {
    assertEquals(checkPath("path", path), path);
  }
  for (const path of [undefined, 1, "", "a\0b", "\0", "\0a\0", "x".repeat(108), "é".repeat(54)]) {
    assertThrows(() => checkPath("path", path), TypeError, "path must be");
  }
  assertEquals(["/a", "\0a"].map(isAbstract), [false, true]);
  assertEquals(["/a", "\0a"].map(formatPath), ["/a", "@a"]);
});

Deno.test("listenPath() replaces a file that nobody answers at", async () => {
  await inFolder(async (path) => {
    await leaveStale(path);
    const listener = await listenPath({ path });
    const [client, server] = await Promise.all([dial({ path }), listener.accept()]);
    client.close();
    server.close();
    listener.close();
  });
});

Deno.test("listenPath() leaves the place of a program that answers, and files that are no sockets", async () => {
  await inFolder(async (path) => {
    const first = await listenPath({ path });
    const error = await assertRejects(
      () => listenPath({ path }),
      GenericError,
      "another program listens there",
    );
    assertEquals((error as SocketError).code, "in-use");
    (await first.accept()).close();
    const [client, server] = await Promise.all([dial({ path }), first.accept()]);
    client.close();
    server.close();
    first.close();
  });
  await inFolder(async (path) => {
    await Deno.writeTextFile(path, "precious");
    await assertRejects(() => listenPath({ path }), GenericError, "a file that is no socket");
    assertEquals(await Deno.readTextFile(path), "precious");
  });
});

Deno.test("listenPath() gives the file the mode bits that are asked for", async () => {
  for (const mode of [0o600, 0o660, 0o666]) {
    await inFolder(async (path) => {
      const listener = await listenPath({ path, mode });
      assertEquals((await Deno.lstat(path)).mode! & 0o777, mode);
      listener.close();
      await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
    });
  }
});

Deno.test("connectPath() asks a full queue again, until it is given up", async () => {
  const clock = new VirtualClock();
  const [near] = connectedTransports();
  let refusals = 2;
  const sockets: LocalSockets = {
    connect: (): Promise<Transport> =>
      refusals-- > 0 ? Promise.reject(new Deno.errors.WouldBlock("full")) : Promise.resolve(near),
    listen: () => {
      throw new Error("not here");
    },
  };
  const connecting = connectPath(sockets, clock, { path: "/a" });
  await clock.advance(10);
  await clock.advance(10);
  assertEquals(await connecting, near);
  refusals = Infinity;
  const controller = new AbortController();
  const given = assertRejects(
    () => connectPath(sockets, clock, { path: "/a", signal: controller.signal }),
    Error,
    "enough",
  );
  await clock.advance(10);
  controller.abort(new Error("enough"));
  await clock.advance(10);
  await given;
});
