import { assertEquals } from "@std/assert";
import { WaitGuard } from "../../../src/network/linux/wait_guard.ts";
import { inFolder } from "../../support/folder.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { outputOf } from "../../support/program.ts";
import { root } from "../../support/source.ts";

Deno.test("WaitGuard asks all the time where events come and the thread does not", async () => {
  const events = [0, 3, 0, 0];
  const over = Promise.withResolvers<void>();
  const guard = new WaitGuard(() => {
    const count = events.shift();
    if (count === undefined) over.resolve();
    return count ?? 0;
  });
  // Its own timer keeps no program alive.
  const alive = setTimeout(() => {}, 60_000);
  guard.begin();
  await over.promise;
  guard.stop();
  clearTimeout(alive);
});

Deno.test("WaitGuard leaves nothing when nobody waits, and does not ask for waits that are over", () => {
  const guard = new WaitGuard(() => {
    throw new Error("asked");
  });
  for (let i = 0; i < 3; i++) {
    guard.begin();
    guard.end();
  }
  guard.stop();
  guard.stop();
});

linuxTest(
  "A server on the engine for Linux serves while all threads of the runtime are taken",
  () =>
    inFolder(async (folder) => {
      const pipe = `${folder}/pipe`;
      await outputOf("mkfifo", [pipe]);
      const script = `
      import { Client, Listener } from "${new URL("mod.ts", root)}";
      import { linuxNetwork as network } from "${new URL("linux/mod.ts", root)}";
      const listener = new Listener(0, { interface: "127.0.0.1", network });
      listener.attach({
        async onReadReady(caller) {
          const [bytes] = await caller.read();
          await caller.write(bytes);
        },
      });
      await listener.start();
      // Nobody ever writes: each takes a thread for ever.
      for (let i = 0; i < 100; i++) void Deno.readFile(${JSON.stringify(pipe)});
      const client = await Client.connect({ host: "127.0.0.1", port: listener.port, network });
      for (let i = 0; i < 10; i++) {
        // Quiet for long enough that the engine lets a thread wait.
        await new Promise((resolve) => setTimeout(resolve, 5));
        await client.write("x");
        await client.read();
      }
      await client.close();
      await listener.gracefulStop();
      console.log("served");
      Deno.exit();`;
      const file = `${folder}/server.ts`;
      await Deno.writeTextFile(file, script);
      assertEquals(await outputOf("deno", ["run", "--quiet", "-A", file]), "served\n");
    }),
);
