// Sessions that a client resumes, as OpenSSL sees it.

import { assertEquals } from "@std/assert";
import { Authority } from "../../support/certificates.ts";
import { inFolder } from "../../support/folder.ts";
import { freePort } from "../../support/free_port.ts";
import { peerTest } from "../../support/peers.ts";
import { Program } from "../../support/program.ts";

/** Connects so often, in these ways. Gives what became of each connection: offered, resumed, and what OpenSSL says. */
function resuming(
  protocol: "-tls1_2" | "-tls1_3",
  how: readonly string[],
): Promise<string[]> {
  return inFolder(async (folder) => {
    const authority = await Authority.make("Tests");
    const { cert, key } = await authority.sign();
    for (const [name, pem] of Object.entries({ ca: authority.cert, cert, key })) {
      await Deno.writeTextFile(`${folder}/${name}.pem`, pem);
    }
    const port = await freePort();
    await using server = new Program("openssl", [
      ...["s_server", "-accept", `127.0.0.1:${port}`, protocol, "-www", "-alpn", "other"],
      ...["-cert", `${folder}/cert.pem`, "-key", `${folder}/key.pem`],
    ]);
    await server.line(/^ACCEPT/);
    await using client = new Program(
      "deno",
      [
        ...["run", "--quiet", "--no-prompt", "--allow-net", "--allow-read", "--allow-env"],
        ...["tests/support/resuming_client.ts", `${port}`, ...how],
      ],
      { env: { DENO_CERT: `${folder}/ca.pem`, DENO_TLS_CA_STORE: "mozilla" } },
    );
    const { code, stdout, stderr } = await client.ending();
    assertEquals([code, stderr], [0, ""]);
    return stdout.trim().split("\n");
  });
}

const FULL = "0 0 New CN=localhost, O=Tests";
const RESUMED = "1 1 Reused CN=localhost, O=Tests";

for (const protocol of ["-tls1_2", "-tls1_3"] as const) {
  await peerTest(
    `Client resumes its sessions with OpenSSL, also one that redials (${protocol})`,
    ["openssl"],
    async () => {
      const how = ["same", "same", "same", "clear", "redialled"];
      assertEquals(await resuming(protocol, how), [
        `same ${FULL}`,
        `same ${RESUMED}`,
        `same ${RESUMED}`,
        `redialled ${FULL}`,
        `redialled ${RESUMED}`,
        `redialled ${RESUMED}`,
      ]);
    },
  );

  await peerTest(
    `Client resumes no session that was begun under other conditions (${protocol})`,
    ["openssl"],
    async () => {
      const how = ["same", "other", "unchecked", "address", "wrong", "same", "trusting", "same"];
      assertEquals(await resuming(protocol, how), [
        `same ${FULL}`,
        `other ${FULL}`,
        `unchecked ${FULL}`,
        `address ${FULL}`,
        "wrong 0 0 handshake",
        `same ${RESUMED}`,
        `trusting ${FULL}`,
        // The engine keeps one session for each name: that of other authorities, which is of no use here.
        "same 1 0 New CN=localhost, O=Tests",
      ]);
    },
  );
}
