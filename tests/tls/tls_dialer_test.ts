import { assertEquals, assertRejects } from "@std/assert";
import type { ClientSecureSocketConfig } from "../../src/tls/client_secure_socket_config.ts";
import { nextTurn } from "../../src/tls/next_turn.ts";
import { TlsSessions } from "../../src/tls/tls_sessions.ts";
import { connectedTransports } from "../../testing/mod.ts";
import { Authority } from "../support/certificates.ts";
import { loadDialer, loadServer } from "../support/secure_pair.ts";

const authority = await Authority.make("Tests");
const stranger = await Authority.make("Strangers");
const server = await loadServer(await authority.sign());

/** The dialer's verdict on a server with a certificate for localhost and 127.0.0.1. */
async function meet(
  config: ClientSecureSocketConfig,
  trusted: string[] | undefined,
  name: string,
): Promise<string> {
  const [near, far] = connectedTransports();
  const accepting = server.accept(far).catch(() => undefined);
  try {
    const dialer = await loadDialer(
      trusted === undefined ? config : { ...config, caCerts: trusted },
    );
    const client = await dialer.connect(near, name);
    client.close();
    return `agreed with ${client.secure!.serverName}`;
  } catch (error) {
    near.close();
    return (error as Error).message;
  } finally {
    (await accepting)?.close();
  }
}

Deno.test("TlsDialer trusts what it is told to, besides the system's or alone", async () => {
  const own = [authority.cert];
  assertEquals(await meet({}, own, "localhost"), "agreed with localhost");
  assertEquals(await meet({ trustSystemCerts: false }, own, "localhost"), "agreed with localhost");
  const untrusted = "unable to verify the first certificate";
  assertEquals(await meet({}, [stranger.cert], "localhost"), untrusted);
  assertEquals(await meet({}, undefined, "localhost"), untrusted);
});

Deno.test("TlsDialer looks at the name, or at the address, unless told not to", async () => {
  const own = [authority.cert];
  assertEquals(await meet({}, own, "127.0.0.1"), "agreed with undefined");
  const valid = `is not one of: dns:"localhost", ip:"127.0.0.1"`;
  assertEquals(await meet({}, own, "127.0.0.2"), `NotValidForName: "127.0.0.2" ${valid}`);
  assertEquals(await meet({}, own, "other.example"), `NotValidForName: "other.example" ${valid}`);
  const anyName = { verifyHostname: false };
  assertEquals(await meet(anyName, own, "other.example"), "agreed with other.example");
  assertEquals((await meet(anyName, [stranger.cert], "localhost")).includes("verify"), true);
});

Deno.test("TlsDialer keeps a session of a handshake that was agreed on, and forgets it after one that was not", async () => {
  const sessions = new TlsSessions();
  const own = [authority.cert];
  const config = { sessions };
  // With TLS 1.3 the engine gives the session a moment after the end of the connection.
  const keeps = async (kept: number) => {
    while (sessions.stats().kept < kept) await nextTurn();
    await nextTurn();
    assertEquals(sessions.stats().kept, kept);
  };
  await meet(config, own, "other.example");
  await keeps(0);
  await meet(config, own, "localhost");
  await keeps(1);
  await meet(config, own, "127.0.0.1");
  await keeps(2);
  // Other conditions are other sessions.
  let kept = 2;
  for (
    const other of [
      { verifyHostname: false },
      { trustSystemCerts: false },
      { minVersion: "TLSv1.3" },
      { alpnProtocols: ["h2"] },
      await authority.sign(),
    ] as const
  ) {
    await meet({ ...config, ...other }, own, "localhost");
    await keeps(++kept);
  }
  await meet(config, [authority.cert, stranger.cert], "localhost");
  await keeps(++kept);
  assertEquals(sessions.stats(), { kept, offered: 0, resumed: 0 });
  await meet(config, own, "localhost");
  assertEquals(sessions.stats().offered, 1);
  const [near, far] = connectedTransports();
  const dialer = await loadDialer({ ...config, caCerts: own });
  const connecting = assertRejects(() => dialer.connect(near, "localhost"), Error);
  far.close();
  await connecting;
  near.close();
  assertEquals(sessions.stats(), { kept: kept - 1, offered: 2, resumed: 0 });
});

Deno.test("TlsDialer.load() refuses a certificate that cannot be used", async () => {
  await assertRejects(
    () => loadDialer({ cert: "x", key: "y" }),
    Error,
    "Cannot use",
  );
});
