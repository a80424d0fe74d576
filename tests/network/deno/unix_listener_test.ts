import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { GenericError, type SocketError } from "../../../src/base/errors.ts";
import type { Transport, TransportListener } from "../../../src/network/network.ts";
import { denoNetwork } from "../../../src/network/deno/deno_network.ts";
import type { LocalSockets } from "../../../src/network/deno/unix.ts";
import { listenPath as listenOn } from "../../../src/network/deno/unix_listener.ts";
import { inFolder, leaveDeadSocket, namesIn } from "../../support/folder.ts";
import { Program } from "../../support/program.ts";

const listenPath = denoNetwork.listenPath!;
const dial = denoNetwork.connectPath!;

/** The runtime's sockets, with some members replaced. */
function socketsBut(other: Partial<LocalSockets>): LocalSockets {
  return {
    connect: (path): Promise<Transport> => Deno.connect({ transport: "unix", path }),
    listen: (path): TransportListener => Deno.listen({ transport: "unix", path }),
    ...other,
  };
}

/** Connects, hears "hi" from the listener and ends. */
async function assertAnswers(listener: TransportListener, path: string): Promise<void> {
  const [client, server] = await Promise.all([dial({ path }), listener.accept()]);
  await server.write(new TextEncoder().encode("hi"));
  assertEquals(await client.read(new Uint8Array(9)), 2);
  client.close();
  server.close();
}

async function assertInUse(starting: Promise<unknown>, why: string): Promise<void> {
  const error = await assertRejects(() => starting, GenericError, why);
  assertEquals((error as SocketError).code, "in-use");
}

Deno.test("listenPath() replaces the file of a program that was killed", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/socket`;
    const code =
      `Deno.listen({ transport: "unix", path: Deno.args[0] }).accept(); console.log("up")`;
    await using program = new Program("deno", ["eval", code, path]);
    await program.line(/up/);
    program.signal("SIGKILL");
    await program.ending();
    assertEquals((await Deno.lstat(path)).isSocket, true);
    const listener = await listenPath({ path });
    await assertAnswers(listener, path);
    listener.close();
  });
});

Deno.test("listenPath() leaves the place of a program that answers, and what is no socket", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/socket`;
    const first = await listenPath({ path });
    await assertInUse(listenPath({ path }), "another program listens there");
    (await first.accept()).close();
    await assertAnswers(first, path);
    first.close();
    await Deno.writeTextFile(path, "precious");
    await assertInUse(listenPath({ path }), "a file that is no socket");
    assertEquals(await Deno.readTextFile(path), "precious");
    await Deno.remove(path);
    // A link is never followed, wherever it leads.
    leaveDeadSocket(`${folder}/dead`);
    for (const target of ["dead", "nowhere"]) {
      await Deno.symlink(target, path);
      await assertInUse(listenPath({ path }), "a file that is no socket");
      await Deno.remove(path);
    }
    assertEquals(namesIn(folder), ["dead"]);
  });
});

Deno.test("listenPath() gives the file the mode bits that are asked for", async () => {
  for (const mode of [0o600, 0o660, 0o666, 0o777]) {
    await inFolder(async (folder) => {
      const path = `${folder}/socket`;
      const listener = await listenPath({ path, mode });
      assertEquals((await Deno.lstat(path)).mode! & 0o777, mode);
      await assertAnswers(listener, path);
      listener.close();
      assertEquals(namesIn(folder), []);
    });
  }
});

Deno.test("listenPath() shows a socket when it has its mode bits, and to nobody before", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/socket`;
    const victim = `${folder}/victim`;
    await Deno.writeTextFile(victim, "");
    await Deno.chmod(victim, 0o600);
    const seen: unknown[] = [];
    const sockets = socketsBut({
      listen: (where) => {
        const listener = Deno.listen({ transport: "unix", path: where });
        const room = where.slice(0, where.lastIndexOf("/"));
        // An attacker who may write to the folder acts as soon as there is a socket.
        seen.push(namesIn(folder).includes("socket"), Deno.lstatSync(room).mode! & 0o777);
        try {
          Deno.removeSync(path);
        } catch { /* it is not there yet */ }
        Deno.symlinkSync(victim, path);
        return listener;
      },
    });
    const starting = listenOn(sockets, denoNetwork.clock, { path, mode: 0o777 });
    await assertInUse(starting, "a file that is no socket");
    assertEquals(seen, [false, 0o700]);
    assertEquals((await Deno.lstat(victim)).mode! & 0o777, 0o600);
    assertEquals(namesIn(folder), ["socket", "victim"]);
  });
});

Deno.test("A listener on a path removes its own file at its end, and nothing else", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/socket`;
    // The path of a server that has taken over without a gap.
    const old = await listenPath({ path });
    await Deno.remove(path);
    const next = await listenPath({ path });
    old.close();
    await assertAnswers(next, path);
    next.close();
    assertEquals(namesIn(folder), []);
    const others: [kind: string, put: () => void][] = [
      ["isFile", () => Deno.writeTextFileSync(path, "precious")],
      ["isDirectory", () => Deno.mkdirSync(path)],
      ["isSymlink", () => Deno.symlinkSync("elsewhere", path)],
      ["isSocket", () => leaveDeadSocket(path)],
    ];
    for (const [kind, put] of others) {
      const listener = await listenPath({ path });
      Deno.renameSync(path, `${folder}/elsewhere`);
      put();
      listener.close();
      assertEquals((Deno.lstatSync(path) as unknown as Record<string, boolean>)[kind], true, kind);
      // A socket that was renamed belongs to another, too.
      assertEquals(namesIn(folder), ["elsewhere", "socket"]);
      Deno.removeSync(path);
      Deno.removeSync(`${folder}/elsewhere`);
    }
    const listener = await listenPath({ path });
    await Deno.remove(path);
    listener.close();
  });
});

Deno.test("A listener on a relative path removes its file wherever the program has gone", async () => {
  await inFolder(async (folder) => {
    const before = Deno.cwd();
    Deno.mkdirSync(`${folder}/there`);
    Deno.chdir(folder);
    try {
      const listener = await listenPath({ path: "socket" });
      assertEquals(listener.addr, { transport: "unix", path: "socket" });
      await assertAnswers(listener, "socket");
      Deno.chdir("there");
      Deno.writeTextFileSync("socket", "precious");
      listener.close();
    } finally {
      Deno.chdir(before);
    }
    assertEquals(namesIn(folder), ["there"]);
    assertEquals(await Deno.readTextFile(`${folder}/there/socket`), "precious");
  });
});

Deno.test("listenPath() takes a relative path in a folder that is deeper than a path may be", async () => {
  await inFolder(async (folder) => {
    const deep = `${folder}/${"d".repeat(100)}`;
    await Deno.mkdir(deep);
    const code = `
      import { denoNetwork } from "${new URL(
      "../../../src/network/deno/deno_network.ts",
      import.meta.url,
    )}";
      Deno.chdir(Deno.args[0]);
      const path = "socket";
      const listener = await denoNetwork.listenPath({ path });
      const [client] = await Promise.all([denoNetwork.connectPath({ path }), listener.accept()]);
      console.log(client.remoteAddr.path, [...Deno.readDirSync(".")].length);
      Deno.chdir("/");
      listener.close();
      Deno.exit();`;
    // Without all permissions the runtime makes a path absolute.
    const file = `${folder}/main.ts`;
    await Deno.writeTextFile(file, code);
    await using program = new Program("deno", ["run", "-A", file, deep]);
    const { stdout, stderr } = await program.ending();
    assertEquals([stdout, stderr], ["socket 1\n", ""]);
    assertEquals(namesIn(deep), []);
  });
});

Deno.test("listenPath() lets exactly one of many win, with a dead file in the way or none", async () => {
  for (let round = 0; round < 3; round++) {
    for (const prepare of [leaveDeadSocket, () => {}]) {
      await inFolder(async (folder) => {
        const path = `${folder}/socket`;
        prepare(path);
        const starting = Array.from({ length: 200 }, () => listenPath({ path }));
        const outcomes = await Promise.allSettled(starting);
        const won = outcomes.filter((outcome) => outcome.status === "fulfilled");
        assertEquals(won.length, 1);
        for (const outcome of outcomes) {
          if (outcome.status === "rejected") await assertInUse(Promise.reject(outcome.reason), "");
        }
        assertEquals(namesIn(folder), ["socket"]);
        won[0]!.value.close();
        assertEquals(namesIn(folder), []);
      });
    }
  }
});

Deno.test("listenPath() lets exactly one of many programs win", async () => {
  await inFolder(async (folder) => {
    const programs = Array.from(
      { length: 2 },
      () => new Program("deno", ["run", "-A", "tests/support/path_starters.ts", "5"]),
    );
    await using one = programs[0]!;
    await using other = programs[1]!;
    await Promise.all([one.line(/ready/), other.line(/ready/)]);
    for (let round = 0; round < 40; round++) {
      const path = `${folder}/${round}`;
      if (round % 2 === 0) leaveDeadSocket(path);
      const won = await Promise.all([one, other].map(async (program) => {
        await program.type(`${path}\n`);
        return Number((await program.line(/^won (\d+)$/))[1]);
      }));
      assertEquals(won[0]! + won[1]!, 1, `round ${round}`);
      await Promise.all([one, other].map(async (program) => {
        await program.type(".\n");
        await program.line(/^stopped$/);
      }));
      assertEquals(namesIn(folder), []);
    }
  });
});

Deno.test("listenPath() binds anew when the file goes while it is not yet at its path", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/socket`;
    let bound = 0;
    const losing = (times: number) =>
      socketsBut({
        listen: (where) => {
          const listener = Deno.listen({ transport: "unix", path: where });
          if (++bound <= times) Deno.removeSync(where);
          return listener;
        },
      });
    const listener = await listenOn(losing(1), denoNetwork.clock, { path, mode: 0o600 });
    await assertAnswers(listener, path);
    listener.close();
    assertEquals([bound, namesIn(folder)], [2, []]);
    const starting = listenOn(losing(Infinity), denoNetwork.clock, { path });
    await assertRejects(() => starting, Deno.errors.NotFound);
    assertEquals([bound, namesIn(folder)], [5, []]);
  });
});

Deno.test("listenPath() leaves a file that came while it asked whether the last one is dead", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/socket`;
    leaveDeadSocket(path);
    const sockets = socketsBut({
      connect: async (where) => {
        const asked = Deno.connect({ transport: "unix", path: where });
        await asked.catch(() => {});
        Deno.renameSync(path, `${folder}/dead`);
        Deno.writeTextFileSync(path, "precious");
        return await asked;
      },
    });
    await assertInUse(listenOn(sockets, denoNetwork.clock, { path }), "has just bound it");
    assertEquals(await Deno.readTextFile(path), "precious");
    // One that stops at this moment is no reason to give up.
    const stopping = socketsBut({
      connect: (where) => {
        Deno.removeSync(path);
        return Deno.connect({ transport: "unix", path: where });
      },
    });
    Deno.removeSync(path);
    Deno.renameSync(`${folder}/dead`, path);
    (await listenOn(stopping, denoNetwork.clock, { path })).close();
    assertEquals(namesIn(folder), []);
  });
});

Deno.test("listenPath() says what is known by the path, at both ends", async () => {
  await inFolder(async (folder) => {
    const address = { transport: "unix", path: `${folder}/socket` } as const;
    const listener = await listenPath(address);
    const [client, server] = await Promise.all([dial(address), listener.accept()]);
    assertEquals([listener.addr, client.remoteAddr, server.localAddr], [address, address, address]);
    client.close();
    server.close();
    listener.close();
  });
});

Deno.test("listenPath() takes a path as long as the system does", async () => {
  await inFolder(async (folder) => {
    const longest = Deno.build.os === "linux" ? 107 : 103;
    const deep = `${folder}/${"d".repeat(longest - folder.length - 1 - 21)}`;
    await Deno.mkdir(deep);
    for (const length of [14, 15, 16, 17, 18, 19, 20]) {
      const path = `${deep}/${"n".repeat(length)}`;
      const listener = await listenPath({ path, mode: 0o600 });
      await assertAnswers(listener, path);
      assertEquals(namesIn(deep), ["n".repeat(length)]);
      listener.close();
    }
    const deepest = `${folder}/${"d".repeat(longest - folder.length - 1 - 4)}`;
    await Deno.mkdir(deepest);
    (await listenPath({ path: `${deepest}/abc` })).close();
    const error = await assertRejects(() => listenPath({ path: `${deepest}d/a` }), GenericError);
    assertEquals(error.code, "unsupported");
  });
});

Deno.test("listenPath() needs the permissions that the guide names, and says them", async () => {
  await inFolder(async (folder) => {
    const path = `${await Deno.realPath(folder)}/socket`;
    const code = `
      import { Client, Listener } from "${new URL("../../../mod.ts", import.meta.url)}";
      const path = Deno.args[0];
      try {
        for (let i = 0; i < 2; i++) {
          const listener = new Listener(0, { path, pathMode: 0o600 });
          listener.attach({ onConnect() {} });
          await listener.start();
          await (await Client.connect({ path })).close();
          await listener.gracefulStop();
        }
        console.log("done");
      } catch (error) { console.log(error.code, error.message); }`;
    const file = `${folder}/main.ts`;
    await Deno.writeTextFile(file, code);
    const run = async (flags: string[]) => {
      const args = ["run", "--no-prompt", ...flags, file, path];
      await using program = new Program("deno", args);
      return (await program.ending()).stdout;
    };
    leaveDeadSocket(path);
    const said = await run([`--allow-net=unix:${path}`]);
    assertMatch(said, /^denied Cannot listen on .*: no permission, run with (--allow-.*)\n$/);
    const flags = said.slice(said.indexOf("--allow"), -1).split(" ");
    assertEquals(flags, [
      `--allow-net=unix:${path},unix:${path}~/=`,
      `--allow-read=${path},${path}~`,
      `--allow-write=${path},${path}~`,
    ]);
    assertEquals(await run(flags), "done\n");
    assert(!namesIn(folder).includes("socket"));
  });
});
