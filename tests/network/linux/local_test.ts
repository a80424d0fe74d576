import { assertEquals, assertRejects } from "@std/assert";
import { linuxNetwork } from "../../../linux/mod.ts";
import { inFolder, leaveDeadSocket, namesIn } from "../../support/folder.ts";
import { linuxTest } from "../../support/linux_engine.ts";

linuxTest(
  "local sockets of the engine for Linux leave no file, and replace a dead one",
  async () => {
    await inFolder(async (folder) => {
      const path = `${folder}/socket`;
      leaveDeadSocket(path);
      const listener = await linuxNetwork.listenPath!({ path, mode: 0o600 });
      assertEquals((await Deno.lstat(path)).mode! & 0o777, 0o600);
      const [client, server] = await Promise.all([
        linuxNetwork.connectPath!({ path }),
        listener.accept(),
      ]);
      assertEquals([server.localAddr, client.remoteAddr], [
        { transport: "unix", path },
        { transport: "unix", path },
      ]);
      assertEquals(server.reset, undefined);
      await assertRejects(
        () => linuxNetwork.listenPath!({ path }),
        Error,
        "another program listens",
      );
      for (const each of [client, server, listener]) each.close();
      assertEquals(
        namesIn(folder),
        ["socket.elsewhere"].filter((name) => namesIn(folder).includes(name)),
      );
      assertEquals(namesIn(folder).includes("socket"), false);
      await assertRejects(() => linuxNetwork.connectPath!({ path }), Deno.errors.NotFound);
    });
  },
);
