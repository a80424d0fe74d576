// Tests of the examples of secure connections and local sockets.

import { assertEquals, assertMatch } from "@std/assert";
import { Client } from "../../mod.ts";
import { interrupt, portOfExample, startExample } from "./example.ts";
import { inFolder } from "./folder.ts";

const timeoutInMillis = 10_000;

/** A test for each of them. */
export const secureExamples: Record<string, () => Promise<void>> = {
  tls_echo: () =>
    inFolder(async (FOLDER) => {
      await using server = await startExample("tls_echo", { FOLDER, PORT: 0 });
      const port = await portOfExample(server);
      const secureSocket = { caCertFile: `${FOLDER}/ca.pem` };
      await using client = await Client.connect({ host: "localhost", port, secureSocket });
      await client.write("one\n");
      assertEquals(await client.readLine({ timeoutInMillis }), "one");
      await client.close();
      // A client that does not trust the authority learns it, and so does the listener.
      await Client.connect({ host: "localhost", port, secureSocket: {} }).catch(() => {});
      await server.line(/the peer does not trust who signed our certificate$/);
      assertMatch(await interrupt(server), /^Caller 1 speaks TLSv1\.3$/m);
    }),

  tls_client: () =>
    inFolder(async (FOLDER) => {
      await using server = await startExample("tls_echo", { FOLDER, PORT: 0 });
      const PORT = await portOfExample(server);
      await using client = await startExample("tls_client", { FOLDER, PORT });
      const { code, stdout, stderr } = await client.ending();
      assertEquals([code, stderr], [0, ""]);
      assertEquals(stdout, "Connected to CN=localhost\nReceived: Hello over TLS\n");
      await interrupt(server);
    }),

  mutual_tls: () =>
    inFolder(async (FOLDER) => {
      await using example = await startExample("mutual_tls", { FOLDER });
      const { code, stdout, stderr } = await example.ending();
      assertEquals([code, stderr], [0, ""]);
      assertMatch(stdout, /^client: Hello CN=member$/m);
      assertMatch(stdout, /^listener: .*: the peer has shown no certificate/m);
      assertMatch(stdout, /^client: .*the peer demands a certificate/m);
    }),

  smtp_server: () =>
    inFolder(async (FOLDER) => {
      await using server = await startExample("smtp_server", { FOLDER, PORT: 0 });
      const port = await portOfExample(server);
      await using client = await Client.connect({ host: "localhost", port });
      const hear = () => client.readLine({ timeoutInMillis });
      const say = async (line: string) => {
        await client.write(`${line}\r\n`);
        return await hear();
      };
      assertEquals(await hear(), "220 localhost ESMTP");
      assertEquals(await say("EHLO a"), "250-localhost");
      assertEquals([await hear(), await hear()], ["250-8BITMIME", "250-SIZE 10485760"]);
      assertEquals(await hear(), "250 STARTTLS");
      assertEquals(await say("STARTTLS"), "220 Go ahead");
      await client.upgradeToTls({ caCertFile: `${FOLDER}/ca.pem` });
      assertEquals(await say("MAIL FROM:<a@example>"), "503 EHLO first");
      assertEquals(await say("HELO a"), "250 localhost");
      assertEquals(await say("MAIL FROM:<a@example>"), "250 Ok");
      assertEquals(await say("RCPT TO:<b@example>"), "250 Ok");
      assertEquals(await say("DATA"), "354 End with a dot");
      assertEquals(await say("Hello\r\n..\r\n."), "250 Taken");
      assertEquals(await say("STARTTLS"), "500 What?");
      assertEquals(await say("QUIT"), "221 Bye");
      assertEquals(await hear(), undefined);
      assertMatch(await interrupt(server), /^TLSv1\.3: 10 bytes from <a@example> to 1$/m);
    }),

  control_channel: () =>
    inFolder(async (folder) => {
      const SOCKET = `${folder}/socket`;
      await using server = await startExample("control_channel", { SOCKET, PORT: 0 });
      const port = await portOfExample(server);
      await using caller = await Client.connect({ host: "127.0.0.1", port });
      await caller.write("hello\n");
      assertEquals(await caller.readLine({ timeoutInMillis }), "hello");
      await using control = await Client.connect({ path: SOCKET });
      const ask = async (line: string) => {
        await control.write(`${line}\n`);
        return await control.readLine({ timeoutInMillis });
      };
      assertEquals(await ask("status"), "1 connections");
      assertEquals(await ask("explode"), "no such command: explode");
      assertEquals(await ask("stop"), "stopping");
      const { code, stderr } = await server.ending();
      assertEquals([code, stderr], [0, ""]);
    }),
};
