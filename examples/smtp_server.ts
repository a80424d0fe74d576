// Accepts mail by SMTP, in the clear or after STARTTLS, and prints from whom and to whom it is.
// Run: deno run --allow-net=127.0.0.1 --allow-run=openssl --allow-read=FOLDER examples/smtp_server.ts FOLDER [PORT]

import { type Caller, Listener } from "../mod.ts";
import { makeCertificates } from "./own_certificates.ts";
import { LARGEST_MAIL, lastWords, readCommand, readText } from "./smtp_lines.ts";
import { Session } from "./smtp_session.ts";

const [folder = "."] = Deno.args;
const port = Number(Deno.args[1] ?? 61621);
await makeCertificates(folder, "localhost");

const listener = new Listener(port, {
  interface: "127.0.0.1",
  secureSocket: {
    certFile: `${folder}/localhost.pem`,
    keyFile: `${folder}/localhost.key`,
    mode: "upgrade", // connections begin in the clear
  },
});

/** Talks with a client until one of the two ends the session. */
async function converse(caller: Caller): Promise<void> {
  let session = new Session();
  const say = (reply: string) => caller.write(`${reply}\r\n`);
  await say("220 localhost ESMTP");
  for (let line; (line = await readCommand(caller)) !== undefined;) {
    if (caller.secure === undefined && line.toUpperCase() === "STARTTLS") {
      void say("220 Go ahead");
      await caller.upgradeToTls(); // ends the connection if anything was sent in the clear after STARTTLS
      session = new Session(); // what was said in the clear no longer counts
      continue;
    }
    const offers = ["8BITMIME", `SIZE ${LARGEST_MAIL}`];
    const reply = session.reply(line, caller.secure ? offers : [...offers, "STARTTLS"]);
    await say(reply);
    if (/^[24]21/.test(reply)) return;
    if (!reply.startsWith("354")) continue;
    const length = await readText(caller);
    if (length === undefined) return;
    const how = caller.secure?.protocol ?? "In the clear";
    console.log(`${how}: ${length} bytes from <${session.from}> to ${session.recipients}`);
    session.reset();
    await say("250 Taken");
  }
}

async function serve(caller: Caller): Promise<void> {
  try {
    await converse(caller);
  } catch (error) {
    // An endless line, a long silence, a reset: it ends this connection and no other.
    void caller.write(`${lastWords(error)}\r\n`);
  }
  await caller.close();
}

await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
for await (const caller of listener) void serve(caller);
