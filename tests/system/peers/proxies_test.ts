// Clients by way of proxies that others wrote.

import { assert, assertEquals } from "@std/assert";
import {
  Client,
  type ClientSecureSocketConfig,
  type SocketErrorCode,
  type Via,
} from "../../../mod.ts";
import { assertCode } from "../../support/assert_code.ts";
import { Authority, type MadeCertificate } from "../../support/certificates.ts";
import { dial } from "../../support/dial.ts";
import { inFolder } from "../../support/folder.ts";
import { freePort } from "../../support/free_port.ts";
import { listening } from "../../support/listening.ts";
import { peerTest } from "../../support/peers.ts";
import {
  FORBIDDEN,
  INSIDE,
  startDante,
  startMicrosocks,
  startSquid,
  startTinyproxy,
} from "../../support/proxies.ts";

/** Greets, as many protocols do, then echoes. */
const greeting = (secureSocket?: MadeCertificate) =>
  listening({
    onConnect: (caller) => void caller.write("220 hello\n"),
    onBytes: (_, bytes) => bytes,
  }, secureSocket === undefined ? {} : { secureSocket });

/** Greeted and echoed through proxies. */
async function checkVia(
  via: Via,
  { port }: { readonly port: number },
  host: string,
  secureSocket?: ClientSecureSocketConfig,
): Promise<void> {
  await using client = await Client.connect({
    ...{ host, port, via },
    ...secureSocket === undefined ? {} : { secureSocket },
  });
  assertEquals(client.secure?.serverName, secureSocket && host);
  assertEquals(await client.readLine(), "220 hello");
  const sent = new Uint8Array(1_000_000).map((_, i) => i % 251);
  const writing = client.write(sent);
  const [bytes] = await client.read(sent.length);
  await writing;
  assertEquals(bytes, sent);
}

/** Echoes in TLS through proxies, by a name that only they know. */
async function checkSecure(via: Via): Promise<void> {
  const authority = await Authority.make("Tests");
  await using target = await greeting(await authority.sign({ hosts: [INSIDE] }));
  await checkVia(via, target, INSIDE, { caCerts: [authority.cert] });
}

/** How a dial through one proxy fails. */
type Failure = readonly [
  via: string,
  target: { readonly host?: string; readonly port: number },
  code: SocketErrorCode,
  told: string,
];

async function checkFailures(failures: readonly Failure[]): Promise<void> {
  for (const [via, { host = "127.0.0.1", port }, code, told] of failures) {
    const error = await assertCode(code, Client.connect({ host, port, via }));
    assert(error.message.includes(told), error.message);
    assert(error.message.includes(`the proxy ${via.replace(/\/\/.*@/, "//")} `), error.message);
    assert(!/s:cr@t|s3cret/.test(Deno.inspect(error)), Deno.inspect(error));
  }
}

/** A proxy of HTTP waits for the rest of a line that is none. */
async function checkSilence(via: Via, target: { readonly port: number }): Promise<void> {
  await assertCode("timed-out", dial(target, { via, connectTimeoutInMillis: 50 }));
}

await peerTest("Client goes through microsocks", ["microsocks"], async () => {
  await using target = await greeting();
  await using proxy = await startMicrosocks();
  const { at, url } = proxy;
  await checkVia(url, target, "127.0.0.1");
  await checkVia(`socks5h://me:s:cr@t@${at}`, target, "127.0.0.1");
  const refused = { port: await freePort() };
  await checkFailures([
    [`socks5://me:wrong@${at}`, target, "denied", "does not accept the user name"],
    [`socks5://${at}`, target, "denied", "wants to know who connects"],
    [url, refused, "unreachable", "connection refused"],
    [`http://${at}`, target, "unreachable", ""],
  ]);
});

await peerTest("Client goes through tinyproxy", ["tinyproxy"], () =>
  inFolder(async (folder) => {
    await using target = await greeting();
    await using proxy = await startTinyproxy(folder);
    const { at, url } = proxy;
    await checkVia(url, target, "127.0.0.1");
    // It looks the name up itself.
    await checkVia(url, target, "localhost");
    const refused = { port: await freePort() };
    await checkFailures([
      [`http://me:wrong@${at}`, target, "denied", "401"],
      [`http://${at}`, target, "denied", "407"],
      [url, refused, "unreachable", "50"],
    ]);
    await checkSilence(`socks5://${at}`, target);
  }));

await peerTest(
  "Client goes through Dante",
  ["danted", "files of its own"],
  () =>
    inFolder(async (folder) => {
      await using target = await greeting();
      await using proxy = await startDante(folder);
      const { at, url } = proxy;
      await checkVia(url, target, "127.0.0.1");
      await checkVia(url, target, INSIDE);
      await checkSecure(url);
      const { port } = target;
      await checkFailures([
        [`socks5://me:wrong@${at}`, target, "denied", "does not accept the user name"],
        [`socks5://${at}`, target, "denied", "wants to know who connects"],
        [url, { host: FORBIDDEN, port }, "denied", "not allowed"],
        [url, { host: "outside.example", port }, "unreachable", "host unreachable"],
        [url, { port: await freePort() }, "unreachable", "connection refused"],
        [`http://${at}`, target, "unreachable", ""],
      ]);
    }),
);

await peerTest("Client goes through Squid", ["squid"], () =>
  inFolder(async (folder) => {
    await using target = await greeting();
    await using proxy = await startSquid(folder);
    const { at, url } = proxy;
    await checkVia(url, target, "127.0.0.1");
    await checkVia(url, target, INSIDE);
    await checkSecure(url);
    const { port } = target;
    await checkFailures([
      [`http://me:wrong@${at}`, target, "denied", '407 "Proxy Authentication Required"'],
      [`http://${at}`, target, "denied", '407 "Proxy Authentication Required"'],
      [url, { host: FORBIDDEN, port }, "denied", '403 "Forbidden"'],
      [url, { port: await freePort() }, "unreachable", '503 "Service Unavailable"'],
    ]);
    await checkSilence(`socks5://${at}`, target);
  }));

await peerTest("Client goes through a chain of microsocks and tinyproxy", [
  "microsocks",
  "tinyproxy",
], () =>
  inFolder(async (folder) => {
    await using target = await greeting();
    await using socks = await startMicrosocks();
    await using http = await startTinyproxy(folder);
    const chain = [socks.url, http.url];
    await checkVia(chain, target, "127.0.0.1");
    await checkVia(chain.toReversed(), target, "127.0.0.1");
  }));

await peerTest("Client goes through a chain of Dante and Squid, with TLS inside", [
  "danted",
  "files of its own",
  "squid",
], () =>
  inFolder((first) =>
    inFolder(async (second) => {
      await using target = await greeting();
      await using socks = await startDante(first);
      await using http = await startSquid(second);
      const chain = [socks.url, http.url];
      for (const via of [chain, chain.toReversed()]) {
        await checkVia(via, target, INSIDE);
        await checkSecure(via);
      }
      // The words are the second one's.
      const error = await assertCode("denied", dial(target, { host: FORBIDDEN, via: chain }));
      assert(error.message.includes(`the proxy http://${http.at} `), error.message);
    })
  ));
