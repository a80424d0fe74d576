import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { GenericError, SocketError } from "../../src/errors.ts";
import { denoNetwork, type Transport } from "../../src/network.ts";
import { ListenerSecurity } from "../../src/transport/listener_security.ts";
import {
  checkListenerSecureSocket,
  type ClientSecureSocket,
  type ListenerSecureSocket,
} from "../../src/transport/secure_socket.ts";
import { Authority } from "../support/certificates.ts";
import { type Ends, plainPair, readAll, shakeHands, writeAll } from "../support/secure_pair.ts";

const { clock } = denoNetwork;
const authority = await Authority.make("Tests");
const stranger = await Authority.make("Strangers");
const localhost = await authority.sign();
const member = await authority.sign({ name: "member", hosts: ["member.example"] });
const caCerts = [authority.cert];

/** What one end says: its failure, or "agreed"; a failure must be a "handshake". */
function verdict(end: Transport | Error): string {
  if (!(end instanceof Error)) return "agreed";
  assertEquals((end as SocketError).code, "handshake", String(end));
  return end.message;
}

/** A client that has finished before it was refused learns it from its first read. */
async function firstRead(client: Transport | Error): Promise<string> {
  if (client instanceof Error) return verdict(client);
  try {
    await client.read(new Uint8Array(1));
    return "agreed";
  } catch (error) {
    return (error as Error).message;
  } finally {
    client.close();
  }
}

function close({ client, server }: Ends): void {
  for (const end of [client, server]) if (!(end instanceof Error)) end.close();
}

interface Case {
  readonly name: string;
  readonly of?: ListenerSecureSocket;
  readonly by?: ClientSecureSocket;
  readonly server: RegExp;
  readonly client: RegExp;
}

const required = { ...localhost, clientAuth: "require", caCerts } as const;
const requested = { ...localhost, clientAuth: "request", caCerts } as const;
const stranded = await stranger.sign({ name: "member" });
const expired = await authority.sign({ name: "member", days: -2 });

const CASES: readonly Case[] = [
  {
    name: "a name that does not match",
    by: { caCerts, serverName: "other.example" },
    server: /does not accept|finds our certificate wrong|ended the connection/,
    client: /not valid for the name/,
  },
  {
    name: "a certificate that nobody trusted signed",
    of: await stranger.sign(),
    by: { caCerts },
    server: /does not trust who signed|ended the connection/,
    client: /not signed by anybody we trust/,
  },
  {
    name: "application protocols without one in common",
    of: { ...localhost, alpnProtocols: ["a"] },
    by: { caCerts, alpnProtocols: ["b"] },
    server: /no application protocol in common/,
    client: /speaks none of our application protocols/,
  },
  {
    name: "a client without a certificate",
    of: required,
    by: { caCerts },
    server: /has shown no certificate/,
    client: /demands a certificate/,
  },
  {
    name: "a client with a foreign certificate",
    of: required,
    by: { caCerts, ...stranded },
    server: /not signed by anybody we trust/,
    client: /./,
  },
  {
    name: "a client with an expired certificate",
    of: required,
    by: { caCerts, ...expired },
    server: /UNUSABLE/,
    client: /expired/,
  },
  {
    name: "a client with a foreign certificate where one is only requested",
    of: requested,
    by: { caCerts, ...stranded },
    server: /not signed by anybody we trust/,
    client: /./,
  },
  {
    name: "protocol versions without one in common",
    of: { ...localhost, minVersion: "TLSv1.3" },
    by: { caCerts },
    server: /agreed/,
    client: /agreed/,
  },
];

for (const { name, of = localhost, by = { caCerts }, server, client } of CASES) {
  for (const engine of [{}, { exposePeerCertificate: true }]) {
    Deno.test(`probe: ${name} ${JSON.stringify(engine)}`, async () => {
      const ends = await shakeHands(await plainPair(), of, { ...by, ...engine });
      console.log("SERVER", verdict(ends.server));
      console.log(
        "CLIENT",
        ends.server instanceof Error ? await firstRead(ends.client) : verdict(ends.client),
      );
      close({ client: new Error(), server: ends.server });
      try {
        close(ends);
      } catch { /**/ }
    });
  }
}
