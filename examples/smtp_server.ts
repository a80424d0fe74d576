// Takes mail as SMTP does, in the clear or after STARTTLS, and prints whose it is.
// Run: deno run --allow-net=127.0.0.1 --allow-run=openssl --allow-read=FOLDER examples/smtp_server.ts FOLDER [PORT]

import { type Caller, Listener } from "https://deno.land/x/socket@v0.1.0/mod.ts";
import { makeCertificates } from "./own_certificates.ts";

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

/** Answers one command; a mail's text comes after DATA, up to a line with a dot. */
async function answer(caller: Caller, line: string): Promise<void> {
  const verb = line.split(" ", 1)[0]!.toUpperCase();
  const say = (text: string) => caller.write(`${text}\r\n`);
  if (verb === "EHLO") {
    await say(caller.secure === undefined ? "250-localhost\r\n250 STARTTLS" : "250 localhost");
  } else if (verb === "STARTTLS" && caller.secure === undefined) {
    void say("220 Go ahead");
    await caller.upgradeToTls(); // ends the connection if anything was sent in the clear behind STARTTLS
  } else if (verb === "DATA") {
    await say("354 End with a dot");
    while (await caller.readLine() !== ".");
    await say("250 Taken");
  } else if (verb === "QUIT") {
    await say("221 Bye");
    void caller.close();
  } else {
    if (verb === "MAIL") console.log(`${caller.secure?.protocol ?? "In the clear"}: ${line}`);
    await say(/^(MAIL|RCPT|HELO|NOOP|RSET)$/.test(verb) ? "250 Ok" : "500 What?");
  }
}

listener.attach({
  onConnect: (caller) => void caller.write("220 localhost ESMTP\r\n"),
  async onReadReady(caller) {
    const line = await caller.readLine();
    if (line !== undefined) await answer(caller, line);
  },
});

await listener.start();
console.log(`Listening on ${listener.address}:${listener.port}`);

Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
await listener.closed;
