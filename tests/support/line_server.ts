// A server of lines on a calm simulated network, and requests to it.

import { ReconnectingClient, Requests, type RequestsConfig } from "../../clients.ts";
import { type Caller, framed, LineCodec } from "../../mod.ts";
import { type Served, served } from "./simulated_server.ts";

export const lines = new LineCodec();

/** What the server does with a line: `send` says something to the client. */
export type OnLine = (line: string, send: (line: string) => void, caller: Caller) => unknown;

/** What a test gets. */
export interface Asked extends Served {
  readonly client: ReconnectingClient;
  readonly requests: Requests<string, string>;
}

/** Answers in capitals. */
export const capitals: OnLine = (line, send) => send(line.toUpperCase());

/** Runs a test with requests to a server that handles each line by `onLine`, one after the other. */
export function asked(
  test: (asked: Asked) => Promise<void>,
  config: RequestsConfig<string, string> = {},
  onLine: OnLine = capitals,
): Promise<void> {
  return served(async (caller) => {
    const messages = framed(caller, lines);
    const send = (line: string) => void messages.send(line).catch(() => {});
    for await (const line of messages) await onLine(line, send, caller);
  }, async (scene) => {
    const client = new ReconnectingClient({ ...scene.place, redialDelayInMillis: 10 });
    const requests = new Requests<string, string>(client, lines, config);
    await test({ ...scene, client, requests });
    await requests.close();
  });
}
