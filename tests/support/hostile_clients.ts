// What hostile clients do to a server: resets, silence, garbage and ends in the middle, all at once.

import {
  Client,
  type ClientConfig,
  type LocalClientConfig,
  ReadTimedOutError,
  SocketError,
  UdpClient,
} from "../../mod.ts";

/** How to connect to a server. */
export type Door = ClientConfig | LocalClientConfig;

const bytes = (...list: number[]) => new Uint8Array(list);
const noise = crypto.getRandomValues(new Uint8Array(40_000));

/** Content that fits no protocol. */
const GARBAGE: readonly (Uint8Array<ArrayBuffer> | string)[] = [
  bytes(0xff, 0xff, 0xff, 0xff),
  bytes(0, 0, 0, 5, 0x68), // a message that is longer than what comes of it
  bytes(0xc3, 0x28, 0x0a, 0xff, 0xfe, 0x0a), // lines that are not UTF-8
  noise,
  new Uint8Array(70_000), // nothing but NUL
  "\n".repeat(2_000),
  "\r",
  "x".repeat(1_200_000), // a line that is too long for everybody
  "[".repeat(100_000) + "\n",
  "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf",
  "EHLO a\r\nMAIL FROM:<a@example>\r\nRCPT TO:<b@example>\r\nDATA\r\nhalf",
  "*2\r\n$3\r\nGET\r\n$100\r\nhalf",
  '{"id":1,"method":"add"',
];

/** Lets enough time pass for all timeouts. */
type Pass = () => Promise<unknown>;

/** Reads until the server ends the connection, one way or another. */
async function readToEnd(client: Client, timeoutInMillis: number): Promise<void> {
  while ((await client.read(undefined, { timeoutInMillis }))[1] >= 0);
}

/** Sends something and ends its stream; the server has to end its own, sooner or later. */
async function endAfter(client: Client, content: Uint8Array | string, pass: Pass): Promise<void> {
  void client.write(content);
  const end = client.shutdownWrite();
  await readToEnd(client, 500).catch(async (error) => {
    if (!(error instanceof ReadTimedOutError)) throw error;
    await pass();
    await readToEnd(client, 5_000);
  });
  await end;
}

/** Sends something, waits until it was taken or answered, and resets the connection. */
async function resetAfter(client: Client, content: Uint8Array | string): Promise<void> {
  await Promise.race([client.write(content), client.read(1, { timeoutInMillis: 5_000 })]);
  client.abort();
}

/** Visits a server; whatever becomes of the connection, it must not be left waiting. */
async function visit(door: Door, talk: (client: Client) => unknown): Promise<void> {
  const resetting = "path" in door ? door : { ...door, resetOnAbort: true };
  try {
    await using client = await Client.connect(resetting);
    await talk(client);
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    if (error instanceof ReadTimedOutError) throw new Error("The server left a client waiting");
  }
}

/** All of it at once, then silence: from the start, and in the middle of something. */
export async function attack(door: Door, pass: Pass): Promise<void> {
  await Promise.all([
    ...Array.from({ length: 10 }, () => visit(door, (client) => client.abort())),
    ...["x", "hello\n", ...GARBAGE].map((content) =>
      visit(door, (client) => resetAfter(client, content))
    ),
    ...["", "x", ...GARBAGE].map((content) =>
      visit(door, (client) => endAfter(client, content, pass))
    ),
  ]);
  const silent = await Promise.all([Client.connect(door), Client.connect(door)]);
  await silent[1].write("h");
  await pass();
  for (const client of silent) client.abort();
}

/** Unexpected datagrams, from several sockets. */
export async function attackByDatagrams(port: number): Promise<void> {
  for (let sockets = 0; sockets < 3; sockets++) {
    await using client = new UdpClient({ host: "127.0.0.1", port: 0 });
    for (const content of ["", "x", ...GARBAGE]) {
      await client.sendTo(content.slice(0, 9_000), { host: "127.0.0.1", port });
    }
    for (let length = 1; length < 40; length++) {
      await client.sendTo(noise.subarray(0, length), { host: "127.0.0.1", port });
    }
  }
}

/** Asks until there is an answer: the system drops what follows a flood. */
export async function askByDatagram(
  port: number,
  question: Uint8Array | string,
): Promise<Uint8Array> {
  await using client = new UdpClient(undefined, { remoteHost: "127.0.0.1", remotePort: port });
  for (let tries = 1;; tries++) {
    await client.write(question);
    try {
      return (await client.read(undefined, { timeoutInMillis: 200 }))[0];
    } catch (error) {
      if (!(error instanceof ReadTimedOutError) || tries === 30) throw error;
    }
  }
}
