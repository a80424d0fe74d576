// Secure connections and local sockets with foreign programs: OpenSSL, GnuTLS, curl, socat, swaks
// and testssl.sh.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  type Caller,
  Client,
  type ClientSecureSocketConfig,
  type Listener,
  type ListenerEvent,
  type ListenerSecureSocketConfig,
  type Service,
  SocketError,
} from "../../../mod.ts";
import { Authority } from "../../support/certificates.ts";
import { inFolder } from "../../support/folder.ts";
import { freePort } from "../../support/free_port.ts";
import { listening } from "../../support/listening.ts";
import { type Peer, peerTest } from "../../support/peers.ts";
import { Program } from "../../support/program.ts";

const authority = await Authority.make("Tests");
const localhost = await authority.sign();
const member = await authority.sign({ name: "member" });
const expired = await authority.sign({ name: "expired", days: -1 });
const caCerts = [authority.cert];

/** Paths of the certificates as files, for programs that want such. */
interface Folder {
  readonly path: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly both: string;
}

/** A test of programs that find our certificates in a folder. */
function certifiedTest(
  name: string,
  needs: readonly Peer[],
  fn: (at: Folder) => Promise<void>,
): Promise<void> {
  return peerTest(name, needs, () =>
    inFolder(async (path) => {
      const put = async (name: string, text: string) => {
        await Deno.writeTextFile(`${path}/${name}`, text);
        return `${path}/${name}`;
      };
      await fn({
        path,
        ca: await put("ca.pem", authority.cert),
        cert: await put("cert.pem", localhost.cert),
        key: await put("key.pem", localhost.key),
        both: await put("both.pem", localhost.cert + localhost.key),
      });
    }));
}

/** Repeats each line, and who said it. */
const echo: Service = {
  async onReadReady(caller) {
    const [bytes, length] = await caller.read();
    if (length <= 0) return;
    const subject = caller.secure?.peerCertificate?.subject ?? "nobody";
    await caller.write(`${subject} said ${new TextDecoder().decode(bytes)}`);
  },
};

const listen = (
  secureSocket: ListenerSecureSocketConfig,
  service = echo,
  onEvent: (event: ListenerEvent) => void = () => {},
) => listening(service, { secureSocket, onEvent });

async function hear(connection: Caller): Promise<string> {
  return new TextDecoder().decode(
    (await connection.read(undefined, { timeoutInMillis: 10_000 }))[0],
  );
}

/** Connects to a program that is about to listen; `undefined` where it has ended. */
async function dial(port: number, program: Program, secureSocket: ClientSecureSocketConfig) {
  let hasEnded = false;
  const end = () => hasEnded = true;
  program.ending().then(end, end);
  while (!hasEnded) {
    try {
      return await Client.connect({ host: "127.0.0.1", port, secureSocket });
    } catch (error) {
      if ((error as { code?: string }).code !== "unreachable") throw error;
    }
  }
  throw new Error("The program has ended");
}

const sClient = (port: number, ...more: string[]) => [
  ...["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "localhost", "-quiet"],
  ...["-no_ign_eof", "-verify_return_error", ...more],
];

for (const version of ["-tls1_2", "-tls1_3"]) {
  await certifiedTest(
    `openssl s_client ${version} talks to a Listener`,
    ["openssl"],
    async ({ ca }) => {
      await using listener = await listen(localhost);
      const args = sClient(listener.port, "-CAfile", ca, version);
      await using client = new Program("openssl", args);
      await client.type("hello\n");
      await client.line(/^nobody said hello$/);
      const [caller] = listener.connections;
      assertEquals(
        caller!.secure!.protocol,
        `TLSv${version.slice(4).replace("_", ".")}` as "TLSv1.3",
      );
      await client.endInput();
      assertEquals((await client.ending()).code, 0);
    },
  );
}

await certifiedTest(
  "openssl s_client asks for new keys, and gets them before what is sent next",
  ["openssl"],
  async ({ ca }) => {
    await using listener = await listen(localhost);
    const args = sClient(listener.port, "-CAfile", ca, "-tls1_3", "-msg")
      .filter((arg) => arg !== "-quiet");
    await using client = new Program("openssl", args);
    await client.type("hello\n");
    await client.line(/^nobody said hello$/);
    await client.type("K\n");
    await client.line(/^>>> .*KeyUpdate/);
    await client.type("again\n");
    await client.line(/^<<< .*KeyUpdate/);
    await client.line(/^nobody said again$/);
  },
);

await certifiedTest(
  "openssl s_client shows its certificate, and is refused with an expired one",
  ["openssl"],
  async (at) => {
    const told = Promise.withResolvers<string>();
    await using listener = await listen(
      {
        ...localhost,
        caCerts,
        clientAuth: "require",
      },
      echo,
      (event) => void (event.kind === "refused" && told.resolve(event.error!.message)),
    );
    for (const [name, own] of [["member", member], ["expired", expired]] as const) {
      await Deno.writeTextFile(`${at.path}/own.pem`, own.cert + own.key);
      const own_ = ["-cert", `${at.path}/own.pem`, "-key", `${at.path}/own.pem`];
      await using client = new Program(
        "openssl",
        sClient(listener.port, "-CAfile", at.ca, ...own_),
      );
      await client.type("hello\n");
      if (name === "member") await client.line(/^CN=member, O=Tests said hello$/);
      else {assertMatch(
          await told.promise,
          /certificate does not verify .* it has expired, or no authority that is trusted here/,
        );}
    }
  },
);

await certifiedTest("openssl s_client is told why it is refused", ["openssl"], async ({ ca }) => {
  await using listener = await listen({ ...localhost, caCerts, clientAuth: "require" });
  await using client = new Program("openssl", sClient(listener.port, "-CAfile", ca));
  assertMatch((await client.ending()).stderr, /alert certificate required/);
});

await certifiedTest(
  "openssl s_client speaks no application protocol of ours, and both say so",
  ["openssl"],
  async ({ ca }) => {
    const told = Promise.withResolvers<string>();
    await using listener = await listen(
      {
        ...localhost,
        alpnProtocols: ["echo"],
      },
      echo,
      (event) => void (event.kind === "refused" && told.resolve(event.error!.message)),
    );
    const args = sClient(listener.port, "-CAfile", ca, "-alpn", "other");
    await using client = new Program("openssl", args);
    assertMatch((await client.ending()).stderr, /no application protocol/i);
    assertMatch(await told.promise, /no application protocol in common/);
  },
);

await certifiedTest(
  "openssl s_client gets the certificate of a name in any spelling",
  ["openssl"],
  async () => {
    const named = await authority.sign({ name: "named" });
    const sni = { "A.example": named, "*.b.example.": named, "münchen.example": named };
    const asked: (string | undefined)[] = [];
    await using listener = await listen({ ...localhost, sni }, {
      onConnect: (caller) => void asked.push(caller.secure?.serverName),
    });
    for (
      const [name, subject] of [
        ["a.example", "named"],
        ["a.example.", "named"],
        ["x.b.example.", "named"],
        ["xn--mnchen-3ya.example", "named"],
        ["c.example.", "localhost"],
      ] as const
    ) {
      const args = ["s_client", "-connect", `127.0.0.1:${listener.port}`, "-servername", name];
      await using client = new Program("openssl", args);
      await client.line(new RegExp(`^subject=CN ?= ?${subject}\\b`));
      await client.type("Q\n");
      await client.ending();
      assertEquals(asked.pop(), name.replace(/\.$/, ""));
    }
  },
);

await certifiedTest(
  "openssl s_server gets nobody's trust by a certificate that cannot be read and nobody has signed",
  ["openssl"],
  async ({ path, key }) => {
    for (const wish of [{}, { days: -1 }, { name: "other", hosts: ["other.example"] }]) {
      const forged = await authority.sign({ ...wish, isForged: true, isUnreadable: true });
      await Deno.writeTextFile(`${path}/forged.pem`, forged.cert);
      await Deno.writeTextFile(key, forged.key);
      const port = await freePort();
      const files = ["-cert", `${path}/forged.pem`, "-key", key];
      const args = ["s_server", "-accept", `127.0.0.1:${port}`, ...files];
      await using server = new Program("openssl", args);
      const configs: ClientSecureSocketConfig[] = [
        {},
        { exposePeerCertificate: true },
        { minVersion: "TLSv1.3" },
        { trustSystemCerts: false },
        { exposePeerCertificate: true, verifyHostname: false },
      ];
      for (const config of configs) {
        const secureSocket = { ...config, caCerts, serverName: "localhost" };
        const { code, message } = await assertRejects(
          () => dial(port, server, secureSocket),
          SocketError,
        );
        assertEquals([code, message.includes("peer's certificate")], ["handshake", true], message);
      }
    }
  },
);

await certifiedTest(
  "openssl s_server hears that its name is wrong, whoever is the engine",
  ["openssl"],
  async (at) => {
    for (const exposePeerCertificate of [false, true]) {
      const port = await freePort();
      const args = ["s_server", "-accept", `127.0.0.1:${port}`, "-cert", at.cert, "-key", at.key];
      await using server = new Program("openssl", [...args, "-naccept", "1"]);
      const secureSocket = { caCerts, serverName: "other.example", exposePeerCertificate };
      await assertRejects(
        () => dial(port, server, secureSocket),
        Error,
        "the certificate is not valid for the name",
      );
      assertMatch((await server.ending()).stderr, /alert bad certificate/);
    }
  },
);

for (const version of ["-tls1_2", "-tls1_3"]) {
  await certifiedTest(
    `openssl s_client ${version} cannot take its session where it would not be let in`,
    [
      "openssl",
    ],
    async (at) => {
      const stranger = await Authority.make("Strangers");
      const required = { ...localhost, caCerts, clientAuth: "require" } as const;
      await using open = await listen(localhost);
      await using closed = await listen(required);
      await using others = await listen({ ...required, caCerts: [stranger.cert] });
      await Deno.writeTextFile(`${at.path}/own.pem`, member.cert + member.key);
      const own = ["-cert", `${at.path}/own.pem`, "-key", `${at.path}/own.pem`];
      /** How a listener answers a session, and which listener is asked. */
      const say = async (listener: Listener, ...args: string[]) => {
        const more = ["-CAfile", at.ca, version, ...args];
        await using client = new Program("openssl", sClient(listener.port, ...more));
        await client.type("hello\n").catch(() => {});
        const answer = await client.line(/said hello$/).catch(() => undefined);
        await client.endInput().catch(() => {});
        await client.ending();
        return answer?.input ?? "refused";
      };
      const [nobodys, members] = [`${at.path}/nobodys`, `${at.path}/members`];
      assertEquals(await say(open, "-sess_out", nobodys), "nobody said hello");
      assertEquals(
        await say(closed, ...own, "-sess_out", members),
        "CN=member, O=Tests said hello",
      );
      assertEquals(await say(closed, "-sess_in", nobodys), "refused");
      assertEquals(await say(others, "-sess_in", members), "refused");
      assertEquals(await say(closed, "-sess_in", members), "CN=member, O=Tests said hello");
      // A certificate of the listener's own changes nothing; other authorities do.
      await closed.replaceCertificate({ ...await authority.sign(), caCerts });
      assertEquals(await say(closed, "-sess_in", members), "CN=member, O=Tests said hello");
      await closed.replaceCertificate({ ...localhost, caCerts: [stranger.cert] });
      assertEquals(await say(closed, "-sess_in", members), "refused");
    },
  );
}

for (
  const [versions, isRefused] of [
    [[], false],
    [["-tls1_3"], true],
    [["-tls1_2"], true],
  ] as const
) {
  const title = `openssl s_client ${versions} with a session of somewhere else`;
  // A fatal alert in the place of an answer: a client forgets the session then.
  const outcome = isRefused ? "is told before it shakes hands" : "shakes hands wholly";
  await certifiedTest(`${title} ${outcome}`, ["openssl"], async (at) => {
    const other = await Authority.make("Others");
    const required = { ...localhost, caCerts, clientAuth: "require" } as const;
    await using first = await listen(required);
    await using second = await listen(required);
    await using open = await listen(localhost);
    await Deno.writeTextFile(`${at.path}/own.pem`, member.cert + member.key);
    const own = ["-cert", `${at.path}/own.pem`, "-key", `${at.path}/own.pem`];
    const say = async (listener: Listener, ...args: string[]) => {
      const more = ["-CAfile", at.ca, ...own, ...versions, ...args];
      const shown = sClient(listener.port, ...more).filter((arg) => arg !== "-quiet");
      await using client = new Program("openssl", shown);
      await client.type("hello\n").catch(() => {});
      // It prints its session whenever it arrives, even in the middle of a line.
      const pattern = /(?:nobody|CN=member, O=Tests) said hello$/;
      const answer = await client.line(pattern).catch(() => undefined);
      await client.endInput().catch(() => {});
      const { stdout, stderr } = await client.ending();
      if (/alert handshake failure/.test(stderr)) return "told";
      return `${/^(New|Reused), TLS/m.exec(stdout)?.[1]} ${answer?.[0]}`;
    };
    const members = `${at.path}/members`;
    const nobodys = `${at.path}/nobodys`;
    const known = "CN=member, O=Tests said hello";
    const whole = isRefused ? "told" : `New ${known}`;
    assertEquals(await say(first, "-sess_out", members), `New ${known}`);
    assertEquals(await say(open, "-sess_out", nobodys), "New nobody said hello");
    assertEquals(await say(first, "-sess_in", members), `Reused ${known}`);
    // Another listener, a listener that has asked for no certificate, other authorities.
    assertEquals(await say(second, "-sess_in", members), whole);
    assertEquals(await say(first, "-sess_in", nobodys), whole);
    await first.replaceCertificate({ ...localhost, caCerts: [authority.cert, other.cert] });
    assertEquals(await say(first, "-sess_in", members), whole);
    // A client that completed a handshake may resume its session.
    assertEquals(await say(first), `New ${known}`);
    assertEquals(await say(first, "-sess_in", members), `Reused ${known}`);
  });
}

for (const exposePeerCertificate of [false, true]) {
  const engine = exposePeerCertificate ? "node" : "native";
  await certifiedTest(
    `Client talks to openssl s_server (${engine} engine)`,
    ["openssl"],
    async (at) => {
      const port = await freePort();
      const args = ["s_server", "-accept", `127.0.0.1:${port}`, "-cert", at.cert, "-key", at.key];
      await using server = new Program("openssl", [...args, "-rev", "-quiet", "-alpn", "echo"]);
      const alpnProtocols = ["echo"];
      const by = { caCerts, exposePeerCertificate, alpnProtocols };
      await using client = await dial(port, server, by);
      assertEquals(client.secure!.alpnProtocol, "echo");
      await client.write("hello\n");
      assertEquals(await hear(client), "olleh\n");
    },
  );
}

await certifiedTest("Client shows its certificate to openssl s_server", ["openssl"], async (at) => {
  const port = await freePort();
  const args = ["s_server", "-accept", `127.0.0.1:${port}`, "-cert", at.cert, "-key", at.key];
  const verify = ["-CAfile", at.ca, "-Verify", "1", "-verify_return_error", "-rev", "-quiet"];
  await using server = new Program("openssl", [...args, ...verify]);
  await using client = await dial(port, server, { caCerts, ...member });
  await client.write("hello\n");
  assertEquals(await hear(client), "olleh\n");
  assertEquals(client.secure!.peerCertificate!.subject, "CN=localhost, O=Tests");
});

await certifiedTest("gnutls-cli talks to a Listener", ["gnutls-cli"], async ({ ca }) => {
  await using listener = await listen(localhost);
  const args = ["--x509cafile", ca, "--port", `${listener.port}`, "--logfile", "/dev/null"];
  await using client = new Program("gnutls-cli", [
    ...args,
    "--verify-hostname",
    "localhost",
    "127.0.0.1",
  ]);
  await client.type("hello\n");
  await client.line(/^nobody said hello$/);
  await client.endInput();
  assertEquals((await client.ending()).code, 0);
});

await certifiedTest("curl gets a page from a Listener", ["curl"], async ({ ca }) => {
  await using listener = await listen({ ...localhost, alpnProtocols: ["http/1.1"] }, {
    async onReadReady(caller) {
      if ((await caller.read())[1] <= 0) return;
      await caller.write("HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n");
      void caller.close();
    },
  });
  const url = `https://localhost:${listener.port}/`;
  const args = ["--silent", "--show-error", "--http1.1", "--cacert", ca];
  await using curl = new Program("curl", [
    ...args,
    "--resolve",
    `localhost:${listener.port}:127.0.0.1`,
    url,
  ]);
  const { code, stdout, stderr } = await curl.ending();
  assertEquals([code, stdout, stderr], [0, "ok\n", ""]);
});

await certifiedTest(
  "socat talks TLS to a Listener, and a Client to socat",
  ["socat"],
  async (at) => {
    await using listener = await listen({ ...localhost, caCerts, clientAuth: "require" });
    await Deno.writeTextFile(`${at.path}/member.pem`, member.cert + member.key);
    const address =
      `OPENSSL:localhost:${listener.port},pf=ip4,cafile=${at.ca},cert=${at.path}/member.pem`;
    await using client = new Program("socat", ["-", address]);
    await client.type("hello\n");
    await client.line(/^CN=member, O=Tests said hello$/);
    const port = await freePort();
    const options = `reuseaddr,bind=127.0.0.1,cert=${at.both},verify=0`;
    await using server = new Program("socat", [`OPENSSL-LISTEN:${port},${options}`, "EXEC:cat"]);
    await using own = await dial(port, server, { caCerts });
    await own.write("hello\n");
    assertEquals(await hear(own), "hello\n");
  },
);

await certifiedTest(
  "socat talks to a Listener on a path, and a Client to socat on one",
  ["socat"],
  async ({ path }) => {
    for (const [socket, type] of [[`${path}/a`, "UNIX"], [`\0${path}`, "ABSTRACT"]] as const) {
      const name = socket.replace("\0", "");
      await using _ = await listening(echo, { path: socket });
      await using client = new Program("socat", ["-", `${type}-CONNECT:${name}`]);
      await client.type("hello\n");
      await client.line(/^nobody said hello$/);
    }
    const socket = `${path}/b`;
    await using server = new Program("socat", ["-d", "-d", `UNIX-LISTEN:${socket}`, "EXEC:cat"]);
    await server.line(/listening on/, "stderr");
    await using client = await Client.connect({ path: socket });
    await client.write("hello\n");
    assertEquals(await hear(client), "hello\n");
  },
);

await certifiedTest("swaks sends a mail through STARTTLS", ["swaks"], async ({ ca }) => {
  const lines: string[] = [];
  await using listener = await listen({ ...localhost, mode: "upgrade" }, {
    onConnect: (caller) => void caller.write("220 localhost ESMTP\r\n"),
    async onReadReady(caller) {
      const line = (await hear(caller)).trimEnd();
      const verb = line.split(/[ :]/)[0]!.toUpperCase();
      lines.push(`${caller.secure?.protocol ?? "plain"} ${verb}`);
      if (verb === "STARTTLS") {
        void caller.write("220 go ahead\r\n");
        return await caller.upgradeToTls();
      }
      const extensions = caller.secure === undefined ? "250-localhost\r\n250 STARTTLS" : "250 ok";
      const answer = { EHLO: extensions, DATA: "354 go on", QUIT: "221 bye" }[verb] ?? "250 ok";
      await caller.write(`${answer}\r\n`);
    },
  });
  const args = [
    "--server",
    `127.0.0.1:${listener.port}`,
    "--tls",
    "--tls-verify",
    "--tls-ca-path",
    ca,
  ];
  await using swaks = new Program("swaks", [
    ...args,
    "--to",
    "a@example",
    "--from",
    "b@example",
    "--helo",
    "c",
  ]);
  const { code, stdout } = await swaks.ending();
  assertEquals(code, 0, stdout);
  assertEquals(lines.slice(0, 4), ["plain EHLO", "plain STARTTLS", "TLSv1.3 EHLO", "TLSv1.3 MAIL"]);
});

await certifiedTest("testssl.sh finds no weak protocol and no weak cipher at a Listener", [
  "testssl",
  "openssl",
], async ({ ca }) => {
  await using listener = await listen(localhost);
  const args = ["--quiet", "--color", "0", "--warnings", "off", "--add-ca", ca, "-p", "-s"];
  await using testssl = new Program("testssl", [...args, `127.0.0.1:${listener.port}`], {
    lifetimeInMillis: 120_000,
  });
  const { stdout } = await testssl.ending();
  for (
    const weak of ["SSLv2", "SSLv3", "TLS 1", "TLS 1.1", "NULL ciphers", "Anonymous NULL", "Export"]
  ) {
    assertMatch(stdout, new RegExp(`^ ${weak}\\b.* not offered`, "m"));
  }
  for (const strong of ["TLS 1.2", "TLS 1.3", "Strong encryption"]) {
    assertMatch(stdout, new RegExp(`^ ${strong}\\b.* offered \\(OK\\)`, "m"));
  }
  assert(!/not ok/i.test(stdout), stdout);
});
