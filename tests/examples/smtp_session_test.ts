import { assertEquals } from "@std/assert";
import { Session } from "../../examples/smtp_session.ts";

/** What a new session answers, line for line. */
function replies(...lines: string[]): string[] {
  const session = new Session();
  return lines.map((line) => session.reply(line, ["A", "B"]));
}

Deno.test("Session.reply() goes by the order of a mail", () => {
  const mail = ["MAIL FROM:<a@example> BODY=8BITMIME SIZE=5", "RCPT TO:<b@example>", "DATA"];
  assertEquals(replies(...mail), ["503 EHLO first", "503 MAIL first", "503 RCPT first"]);
  assertEquals(replies("EHLO a", ...mail), [
    "250-localhost\r\n250-A\r\n250 B",
    "250 Ok",
    "250 Ok",
    "354 End with a dot",
  ]);
  assertEquals(replies("helo a", "mail from:<>", "MAIL FROM:<a>", "DATA", "RSET", "DATA", "quit"), [
    "250 localhost",
    "250 Ok",
    "503 One mail at a time",
    "503 RCPT first",
    "250 Ok",
    "503 RCPT first",
    "221 Bye",
  ]);
});

Deno.test("Session.reply() refuses what is no command", () => {
  for (
    const line of [
      ...["", " ", "MAIL", "MAIL FROM:a", "MAIL FROM: <a>", "MAIL FROM:<a> X=1", "MAIL FROM:<a b>"],
      ...["MAIL FROM:<a\x1b[2J>", "MAIL FROM:<<a>>", "MAIL FROM:<a>\0", "MAIL FROM:<\u00e4>"],
      ...["MAIL TO:<a>", "RCPT FROM:<a>", "STARTTLS now", "__proto__", "constructor"],
    ]
  ) assertEquals(replies("EHLO a", line)[1], "500 What?", line);
  for (const line of ["GET / HTTP/1.1", "POST / HTTP/1.1", "PUT / HTTP/1.1", "CONNECT a:25"]) {
    assertEquals(replies(line), ["421 This is no HTTP"], line);
  }
  assertEquals(replies("EHLO", "HELO ", "NOOP"), ["501 Who?", "501 Who?", "250 Ok"]);
  assertEquals(replies("EHLO a", "MAIL FROM:<a>", "RCPT TO:<>", "DATA x").slice(2), [
    "501 To whom?",
    "501 DATA stands alone",
  ]);
});

Deno.test("Session.reply() has enough of too many recipients and mistakes", () => {
  const recipients = Array.from({ length: 102 }, (_, i) => `RCPT TO:<${i}@example>`);
  const answers = replies("EHLO a", "MAIL FROM:<a>", ...recipients);
  assertEquals(answers.slice(101), [
    "250 Ok",
    "452 Too many recipients",
    "452 Too many recipients",
  ]);
  const mistakes = replies(...Array.from({ length: 11 }, () => "what"));
  assertEquals(mistakes.slice(9), ["500 What?", "421 Enough"]);
});
