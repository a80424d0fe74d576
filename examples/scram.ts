// A login by SCRAM-SHA-256 (RFC 5802, RFC 7677), in which neither end sees the password: a part of postgres_client.ts.

import { printable } from "./printable.ts";

const encoder = new TextEncoder();
const HMAC = { name: "HMAC", hash: "SHA-256" };
/** So many rounds at most: a server must not keep its clients busy for ever. */
const MOST_ROUNDS = 1_000_000;

/** A login. */
export interface Scram {
  /** What the client says first. */
  readonly first: string;
  /** What it says to the server's answer. */
  answer(challenge: string): Promise<string>;
  /** Checks what the server says at the end: it knows the password, too. */
  check(final: string): void;
}

async function hmac(key: Uint8Array<ArrayBuffer>, text: string): Promise<Uint8Array<ArrayBuffer>> {
  const imported = await crypto.subtle.importKey("raw", key, HMAC, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, encoder.encode(text)));
}

/** Begins a login. */
export function scram(
  password: string,
  nonce: string = crypto.getRandomValues(new Uint8Array(18)).toBase64(),
): Scram {
  const bare = `n=,r=${nonce}`;
  let signature: string | undefined;
  return {
    first: `n,,${bare}`,

    async answer(challenge) {
      const [, server, salt, rounds] = /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(challenge) ?? [];
      const iterations = Number(rounds);
      if (!server?.startsWith(nonce) || server === nonce || !(iterations <= MOST_ROUNDS)) {
        throw new Error(`The server's challenge is none: ${printable(challenge.slice(0, 100))}`);
      }
      const secret = encoder.encode(password.normalize("NFKC"));
      const base = await crypto.subtle.importKey("raw", secret, "PBKDF2", false, ["deriveBits"]);
      const how = {
        name: "PBKDF2",
        hash: "SHA-256",
        salt: Uint8Array.fromBase64(salt!),
        iterations,
      };
      const salted = new Uint8Array(await crypto.subtle.deriveBits(how, base, 256));
      const clientKey = await hmac(salted, "Client Key");
      const storedKey = new Uint8Array(await crypto.subtle.digest("SHA-256", clientKey));
      const last = `c=biws,r=${server}`;
      const said = `${bare},${challenge},${last}`;
      const clientSignature = await hmac(storedKey, said);
      const proof = clientKey.map((byte, i) => byte ^ clientSignature[i]!);
      signature = (await hmac(await hmac(salted, "Server Key"), said)).toBase64();
      return `${last},p=${proof.toBase64()}`;
    },

    check(final) {
      if (signature !== undefined && final === `v=${signature}`) return;
      throw new Error("The server does not know the password");
    },
  };
}
