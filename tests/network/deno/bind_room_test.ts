import { assertEquals, assertRejects } from "@std/assert";
import { GenericError } from "../../../src/base/errors.ts";
import { denoNetwork } from "../../../src/network/deno/deno_network.ts";
import { BindRoom } from "../../../src/network/deno/bind_room.ts";
import { VirtualClock } from "../../../testing/mod.ts";
import { inFolder, leaveDeadSocket, namesIn } from "../../support/folder.ts";
import { Program } from "../../support/program.ts";

const { clock } = denoNetwork;

Deno.test("BindRoom.enter() lets one in at a time, and leaves nothing behind", async () => {
  await inFolder(async (folder) => {
    let inside = 0;
    let most = 0;
    const visits = Array.from({ length: 20 }, async () => {
      using room = await BindRoom.enter(`${folder}/socket`, clock);
      most = Math.max(most, ++inside);
      assertEquals(room.socket, `${folder}/socket~/=`);
      assertEquals(Deno.lstatSync(`${folder}/socket~`).mode! & 0o777, 0o700);
      Deno.listen({ transport: "unix", path: room.socket }).close();
      await Promise.resolve();
      inside--;
    });
    await Promise.all(visits);
    assertEquals([most, namesIn(folder)], [1, []]);
  });
});

Deno.test("BindRoom.enter() takes a room that was left behind by a program that was killed", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/socket`;
    const code = `
      import { BindRoom } from "${new URL(
      "../../../src/network/deno/bind_room.ts",
      import.meta.url,
    )}";
      import { denoNetwork } from "${new URL(
      "../../../src/network/deno/deno_network.ts",
      import.meta.url,
    )}";
      const room = await BindRoom.enter(Deno.args[0], denoNetwork.clock);
      Deno.listen({ transport: "unix", path: room.socket }).accept();
      console.log("in");`;
    await using program = new Program("deno", ["eval", code, path]);
    await program.line(/in/);
    // While it lives no other gets in, however long that takes.
    const virtual = new VirtualClock();
    const refused = assertRejects(
      () => BindRoom.enter(path, virtual),
      GenericError,
      "another process holds it",
    );
    let isRefused = false;
    void refused.then(() => isRefused = true);
    while (!isRefused) {
      await virtual.advance(10);
      // Files take real time.
      await Deno.lstat(folder);
    }
    assertEquals((await refused).code, "in-use");
    let isIn = false;
    const entering = BindRoom.enter(path, clock).then((room) => {
      isIn = true;
      return room;
    });
    assertEquals(isIn, false);
    program.signal("SIGKILL");
    await program.ending();
    using _ = await entering;
    assertEquals(namesIn(`${folder}/socket~`), []);
  });
});

Deno.test("BindRoom.enter() destroys nothing that has the room's name", async () => {
  const others: [put: (room: string) => void, names: string[], what: string][] = [
    [(room) => Deno.writeTextFileSync(room, "precious"), ["socket~"], "a file lies"],
    [
      (room) => {
        Deno.mkdirSync(room);
        Deno.writeTextFileSync(`${room}/=`, "precious");
      },
      ["socket~"],
      "a folder that cannot be removed lies",
    ],
    [
      (room) => {
        Deno.mkdirSync(`${room}/=`, { recursive: true });
        leaveDeadSocket(`${room}/=/=`);
      },
      ["socket~"],
      "a folder that cannot be removed lies",
    ],
    [
      (room) => new Deno.Command("mkfifo", { args: [room] }).outputSync(),
      ["socket~"],
      "something that is no folder lies",
    ],
    [
      (room) => {
        Deno.mkdirSync(`${room}.target`);
        leaveDeadSocket(`${room}.target/=`);
        Deno.symlinkSync(`${room}.target`, room);
      },
      ["socket~", "socket~.target"],
      "a symbolic link lies",
    ],
  ];
  for (const [put, names, what] of others) {
    await inFolder(async (folder) => {
      put(`${folder}/socket~`);
      const error = await assertRejects(
        () => BindRoom.enter(`${folder}/socket`, clock),
        GenericError,
        `Cannot bind a socket in ${folder}/socket~, which is needed for a moment: ${what} there`,
      );
      assertEquals(error.code, "in-use");
      assertEquals(namesIn(folder), names);
      if (names.length > 1) assertEquals(namesIn(`${folder}/socket~.target`), ["="]);
    });
  }
});
