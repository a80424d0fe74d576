// What an SMTP client may say, and when (RFC 5321): a part of smtp_server.ts that knows nothing of sockets.

const MOST_RECIPIENTS = 100;
const MOST_MISTAKES = 10;
const PATH = /^(FROM|TO):<([!-;=?-~]*)>((?: (?:BODY=(?:7BIT|8BITMIME)|SIZE=\d{1,9}))*)$/i;

/** What was said so far. */
export class Session {
  isGreeted = false;
  from: string | undefined;
  recipients = 0;
  #mistakes = 0;

  /** Forgets the mail that was begun. */
  reset(): string {
    this.from = undefined;
    this.recipients = 0;
    return "250 Ok";
  }

  /** Answers a command; one that begins with 221 or 421 is the last. */
  reply(line: string, extensions: readonly string[]): string {
    const reply = this.#replyTo(line, extensions);
    if (reply.startsWith("5") && ++this.#mistakes > MOST_MISTAKES) return "421 Enough";
    return reply;
  }

  #replyTo(line: string, extensions: readonly string[]): string {
    const [, verb = "", rest = ""] = /^(\w+) ?(.*)$/.exec(line) ?? [];
    const [, preposition = "", address = "", parameters = ""] = PATH.exec(rest) ?? [];
    switch (`${verb} ${preposition}`.trimEnd().toUpperCase()) {
      case "EHLO":
      case "HELO": {
        if (rest === "") return "501 Who?";
        this.isGreeted = true;
        this.reset();
        const lines = verb.toUpperCase() === "EHLO" ? ["localhost", ...extensions] : ["localhost"];
        return lines.map((text, i) => `250${i < lines.length - 1 ? "-" : " "}${text}`).join("\r\n");
      }
      case "MAIL FROM":
        if (!this.isGreeted) return "503 EHLO first";
        if (this.from !== undefined) return "503 One mail at a time";
        this.from = address;
        return "250 Ok";
      case "RCPT TO":
        if (this.from === undefined) return "503 MAIL first";
        if (address === "" || parameters !== "") return "501 To whom?";
        if (this.recipients === MOST_RECIPIENTS) return "452 Too many recipients";
        this.recipients++;
        return "250 Ok";
      case "DATA":
        if (rest !== "") return "501 DATA stands alone";
        return this.recipients === 0 ? "503 RCPT first" : "354 End with a dot";
      case "RSET":
        return this.reset();
      case "NOOP":
        return "250 Ok";
      case "QUIT":
        return "221 Bye";
      // A web page can have a browser send a mail as the body of a request.
      case "GET":
      case "POST":
      case "PUT":
      case "CONNECT":
        return "421 This is no HTTP";
      default:
        return "500 What?";
    }
  }
}
