import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { GenericError } from "../../mod.ts";
import { resolveTarget } from "../../src/debug/capture_file.ts";
import { inFolder } from "../support/folder.ts";
import { keptBytes } from "../support/packets.ts";
import { bytesOf } from "../support/text.ts";

Deno.test("resolveTarget() writes a file that only its owner can read, also one that was there", async () => {
  await inFolder(async (folder) => {
    for (const isOld of [false, true]) {
      const path = `${folder}/${isOld}`;
      if (isOld) {
        await Deno.writeTextFile(path, "longer than what comes", { mode: 0o644 });
        await Deno.chmod(path, 0o644);
      }
      const target = await resolveTarget(isOld ? new URL(`file://${path}`) : path)();
      await target.write(bytesOf("content"));
      await target.close();
      assertEquals(await Deno.readTextFile(path), "content");
      assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    }
  });
});

Deno.test({
  name: "resolveTarget() says what overwriting a file takes besides writing",
  permissions: { read: false, write: true },
  fn: async () => {
    const path = await Deno.makeTempFile();
    try {
      const error = await assertRejects(() => resolveTarget(path)(), GenericError);
      assertEquals(error.code, "denied");
      assertStringIncludes(error.message, `"${path}" is there already`);
      assertStringIncludes(error.message, `run with --allow-read=${path}, too`);
    } finally {
      await Deno.remove(path);
    }
  },
});

Deno.test("resolveTarget() locks a stream, writes to it and ends it", async () => {
  const { stream, bytes } = keptBytes();
  const target = await resolveTarget(stream)();
  assertEquals([stream.locked, target.givesBack], [true, false]);
  await target.write(bytesOf("content"));
  await target.close();
  assertEquals(bytes(), bytesOf("content"));
});

Deno.test("resolveTarget() refuses what cannot be written to", async () => {
  for (const wrong of [undefined, null, "", 1, {}, new URL("https://a.example/")]) {
    assertThrows(() => resolveTarget(wrong as never), TypeError, "to must be a path");
  }
  const { stream } = keptBytes();
  stream.getWriter();
  assertThrows(() => resolveTarget(stream), TypeError);
  await inFolder(async (folder) => {
    await assertRejects(resolveTarget(`${folder}/none/file`), Deno.errors.NotFound);
  });
});
