// A client that connects several times with the same sessions, in a process of its own: Deno resumes sessions only with
// the system's authorities, and DENO_CERT adds one to them. Prints what became of the sessions, for the server as well: `openssl s_server -www`.
//
//   deno run resuming_client.ts PORT HOW...

import { ReconnectingClient } from "../../clients.ts";
import { Client, type ClientSecureSocketConfig, TlsSessions } from "../../mod.ts";

const [port = "", ...how] = Deno.args;
const decoder = new TextDecoder();
const sessions = new TlsSessions();
/** What a connection may differ by. */
const OPTIONS: Record<string, ClientSecureSocketConfig> = {
  same: {},
  other: { alpnProtocols: ["other"] },
  newer: { minVersion: "TLSv1.3" },
  unchecked: { verifyHostname: false },
  address: { serverName: "127.0.0.1" },
  trusting: { caCerts: [Deno.readTextFileSync(Deno.env.get("DENO_CERT")!)] },
  wrong: { serverName: "wrong.example" },
};

/** What OpenSSL says of a connection. */
async function pageOf(client: Client): Promise<string> {
  await client.write("GET / HTTP/1.0\r\n\r\n");
  let page = "";
  for await (const bytes of client) page += decoder.decode(bytes, { stream: true });
  return `${/^(New|Reused), /m.exec(page)?.[1]} ${client.secure!.peerCertificate!.subject}`;
}

let before = sessions.stats();
function print(one: string, told: string): void {
  const { offered, resumed } = sessions.stats();
  console.log(one, offered - before.offered, resumed - before.resumed, told);
  before = sessions.stats();
}

for (const one of how) {
  if (one === "clear") {
    sessions.clear();
    continue;
  }
  const config = {
    host: "localhost",
    port: Number(port),
    secureSocket: { sessions, exposePeerCertificate: true, ...OPTIONS[one] },
  };
  if (one === "redialled") {
    await using redialled = new ReconnectingClient({ ...config, redialDelayInMillis: 1 });
    let count = 0;
    for await (const client of redialled) {
      print(one, await pageOf(client));
      if (++count === 3) break;
    }
    continue;
  }
  try {
    await using client = await Client.connect(config);
    print(one, await pageOf(client));
  } catch (error) {
    print(one, (error as { code: string }).code);
  }
}
