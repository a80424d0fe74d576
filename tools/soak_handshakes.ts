// Handshakes that fail in many ways, beside clients that mean it: the server's memory must stay as it is.
//
//   deno task soak:handshakes                   100,000 of them
//   deno task soak:handshakes --count 20000     fewer
//
// Ends with 1 where memory grew, or an honest client did not get its answer.

import { connect as dial, type Socket } from "node:net";
import { connect, type ConnectionOptions } from "node:tls";
import { parseArgs } from "node:util";
import { Listener } from "../mod.ts";
import { Authority, type MadeCertificate } from "../tests/support/certificates.ts";
import { measure, measureAtRest, memoryProblems, shownCourse } from "./soak/memory.ts";

/** What the clients are told. */
interface Errand {
  readonly count: number;
  readonly open: number;
  readonly closed: number;
  readonly ca: string;
  readonly member: MadeCertificate;
  readonly stranger: MadeCertificate;
}

const AT_ONCE = 32;
const SAMPLES = 20;
const ALLOWANCE = { after: 4 * 2 ** 20, during: 8 * 2 ** 20, resident: 96 * 2 ** 20 };
const HALF_A_HELLO = new Uint8Array([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, ...new Uint8Array(60)]);

const { values } = parseArgs({
  args: Deno.args,
  options: { count: { type: "string", default: "100000" }, errand: { type: "string" } },
});
if (values.errand === undefined) Deno.exit(await serve(Number(values.count)) ? 0 : 1);
await throwAt(JSON.parse(values.errand) as Errand);

/** The server's side: what is measured. */
async function serve(count: number): Promise<boolean> {
  const [authority, strangers] = [await Authority.make("Soak"), await Authority.make("Strangers")];
  const own = await authority.sign();
  const start = async (options: object) => {
    const listener = new Listener(0, {
      interface: "127.0.0.1",
      secureSocket: { ...own, handshakeTimeoutInMillis: 1_000, ...options },
    });
    listener.attach({
      async onReadReady(caller) {
        const [bytes, length] = await caller.read();
        if (length > 0) await caller.write(bytes);
      },
      onError() {},
    });
    await listener.start();
    return listener;
  };
  await using open = await start({});
  await using closed = await start({ clientAuth: "require", caCerts: [authority.cert] });
  const errand = {
    open: open.port,
    closed: closed.port,
    ca: authority.cert,
    member: await authority.sign({ name: "member" }),
    stranger: await strangers.sign({ name: "stranger" }),
  };
  const send = async (count: number) => {
    const args = [
      ...["run", "--no-lock", "--allow-net=127.0.0.1", import.meta.filename!],
      ...["--errand", JSON.stringify({ ...errand, count })],
    ];
    const options = { args, stdin: "null", stderr: "inherit" } as const;
    const { code, stdout } = await new Deno.Command(Deno.execPath(), options).output();
    if (code !== 0) throw new Error("The clients have failed");
    return new TextDecoder().decode(stdout).trim();
  };
  await send(Math.min(1_000, count)); // warm
  const before = await measureAtRest();
  const begin = performance.now();
  const during = [];
  const told = [];
  for (let i = 0; i < SAMPLES; i++) {
    told.push(await send(Math.ceil(count / SAMPLES)));
    during.push(measure());
  }
  const seconds = ((performance.now() - begin) / 1_000).toFixed(0);
  const record = { before, during, after: await measureAtRest() };
  const failed = open.stats().handshakes.failed + closed.stats().handshakes.failed;
  console.log(`${failed} failed handshakes, ${count} clients in ${seconds} s; ${told.at(-1)}`);
  console.log(`alive/RSS in MiB: ${shownCourse(record)}`);
  const problems = memoryProblems("the server", record, ALLOWANCE);
  for (const problem of problems) console.error(problem);
  return problems.length === 0;
}

/** The clients' side. */
async function throwAt(errand: Errand): Promise<void> {
  const { count, open, closed, ca, member, stranger } = errand;
  const secure = (options: ConnectionOptions) => (socket: Socket) => {
    const tls = connect({ socket, servername: "localhost", ca, ...options });
    tls.on("error", () => socket.destroy());
    tls.on("data", () => {});
    tls.on("end", () => socket.destroy());
    return tls;
  };
  const say = (bytes: Uint8Array | string, then: "end" | "reset" | "wait") => (socket: Socket) => {
    socket.write(bytes, () => {
      if (then === "end") socket.end();
      else if (then === "reset") socket.resetAndDestroy();
    });
  };
  const kinds: readonly (readonly [port: number, act: (socket: Socket) => unknown])[] = [
    [open, (socket) => socket.resetAndDestroy()],
    [open, say("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "wait")],
    [open, say(crypto.getRandomValues(new Uint8Array(300)), "wait")],
    [open, say(HALF_A_HELLO, "reset")],
    [open, say(HALF_A_HELLO, "end")],
    // A goodbye, and an alert, in the place of a handshake.
    [open, say(new Uint8Array([21, 3, 3, 0, 2, 1, 0]), "end")],
    [open, say(new Uint8Array([21, 3, 3, 0, 2, 2, 40]), "end")],
    // A version that nobody speaks any more.
    [
      open,
      say(new Uint8Array([22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 1, ...new Uint8Array(40)]), "wait"),
    ],
    // The client trusts nobody, or expects another name.
    [open, secure({ ca: stranger.cert })],
    [open, secure({ servername: "other.example" })],
    [closed, secure({})],
    [closed, secure({ cert: stranger.cert, key: stranger.key })],
    [closed, say(HALF_A_HELLO, "reset")],
  ];
  let begun = 0;
  let slowest = 0;
  const fail = async () => {
    while (begun < count) {
      const [port, act] = kinds[begun++ % kinds.length]!;
      await new Promise<void>((resolve) => {
        const socket = dial(port, "127.0.0.1", () => act(socket));
        socket.on("error", () => {});
        socket.on("data", () => {});
        socket.on("end", () => socket.end());
        socket.on("close", () => resolve());
      });
    }
  };
  let honest = 0;
  const converse = async () => {
    while (begun < count) {
      const start = performance.now();
      const options = { host: "127.0.0.1", servername: "localhost", ca, ...member };
      const tls = connect({ ...options, port: honest++ % 2 === 0 ? open : closed });
      await new Promise<void>((resolve, reject) => {
        tls.once("secureConnect", () => tls.write("hello"));
        tls.once("error", reject);
        tls.once("data", () => resolve());
      });
      slowest = Math.max(slowest, performance.now() - start);
      tls.destroy();
    }
  };
  await Promise.all([...Array.from({ length: AT_ONCE }, fail), converse(), converse()]);
  console.log(`${honest} honest clients, the slowest took ${slowest.toFixed(0)} ms`);
  Deno.exit(0);
}
