// Questions and answers of DNS, for dns_server.ts: what its library leaves out.

import { Buffer } from "node:buffer";
// @ts-types="npm:@types/dns-packet@5.6.5"
import { type Answer, decode, encode, type OptAnswer } from "npm:dns-packet@5.6.1";

const OPTIONS: OptAnswer = {
  ...{ type: "OPT", name: ".", udpPayloadSize: 1232, extendedRcode: 0, ednsVersion: 0 },
  ...{ flags: 0, flag_do: false, options: [] },
};

/** A message with one question. */
export interface Question {
  /** Its name in small letters. A dot that is part of a label is "\046" (RFC 1035). */
  readonly name: string;
  readonly type: string;
  readonly network: string;
  /** What it says of EDNS (RFC 6891): one at most. */
  readonly options: readonly OptAnswer[];
  /** The question as it stands. */
  readonly bytes: Uint8Array;
}

/** Reads a message with one question; `undefined` where it is none. */
export function readQuestion(data: Uint8Array): Question | undefined {
  try {
    const { questions, additionals = [] } = decode(Buffer.from(data));
    const { type, class: network } = questions![0]!;
    const labels: string[] = [];
    let at = 12;
    for (let length = 0; (length = data[at]!) > 0; at += 1 + length) {
      if (length > 63) return undefined; // it points elsewhere
      const label = String.fromCharCode(...data.subarray(at + 1, at + 1 + length));
      labels.push(label.toLowerCase().replaceAll(".", "\\046"));
    }
    const options = additionals.filter((record) => record.type === "OPT");
    const bytes = data.subarray(12, at + 5);
    return { name: labels.join("."), type, network: network!, options, bytes };
  } catch {
    return undefined;
  }
}

/** What an answer has. */
export interface Reply {
  readonly id: number;
  readonly flags: number;
  /** What is wrong, 0 for nothing. */
  readonly code: number;
  /** What is answered, where it could be read. */
  readonly question: Question | undefined;
  readonly answers: Answer[];
}

/** Writes an answer. */
export function encodeAnswer({ id, flags, code, question, answers }: Reply): Uint8Array {
  const bytes = encode({
    ...{ type: "response", id, flags: flags | code & 15, answers },
    // A client that speaks EDNS is told that it is understood, and the upper bits of the code.
    additionals: question?.options.length ? [{ ...OPTIONS, extendedRcode: code >> 4 }] : [],
  });
  if (question === undefined) return bytes;
  // The question goes back byte by byte: a name may be no text.
  bytes[5] = 1;
  return Buffer.concat([bytes.subarray(0, 12), question.bytes, bytes.subarray(12)]);
}
