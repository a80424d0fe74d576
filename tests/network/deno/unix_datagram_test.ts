import { assertEquals, assertRejects } from "@std/assert";
import { GenericError } from "../../../src/base/errors.ts";
import { sendToPath } from "../../../src/network/deno/unix_datagram.ts";
import { inFolder } from "../../support/folder.ts";
import { hasDatagrams } from "../../support/udp_engines.ts";

const bytes = new TextEncoder().encode("READY=1");

Deno.test({
  name: "sendToPath() sends one datagram, to a file or an abstract name",
  ignore: !hasDatagrams || Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (folder) => {
      for (const path of [`${folder}/s`, `\0socket-test/${crypto.randomUUID()}`]) {
        const socket = Deno.listenDatagram({ transport: "unixpacket", path });
        await sendToPath(Deno.listenDatagram, path, bytes);
        assertEquals((await socket.receive())[0], bytes);
        socket.close();
      }
      await assertRejects(
        () => sendToPath(Deno.listenDatagram, `${folder}/nobody`, bytes),
        Deno.errors.NotFound,
      );
    }),
});

Deno.test("sendToPath() says what it needs where the flag is missing", async () => {
  const error = await assertRejects(
    () => sendToPath(undefined, "/nowhere", bytes),
    GenericError,
    "run with --unstable-net",
  );
  assertEquals(error.code, "unsupported");
});
