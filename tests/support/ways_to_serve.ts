// Whatever may take the connections of a listener, with lines that are sent back.

import { type Caller, framed, framedService, LineCodec, type Listener } from "../../mod.ts";
import { serviceOf } from "../../src/connection/handler.ts";

async function echoLoop(caller: Caller): Promise<void> {
  for await (const bytes of caller) await caller.write(bytes);
}

/** Each way to serve an echo of lines. */
export const waysToServe: Record<string, (listener: Listener) => void> = {
  "a service": (listener) =>
    listener.attach({
      async onReadReady(caller) {
        const [bytes, length] = await caller.read();
        if (length > 0) await caller.write(bytes);
      },
    }),
  "a service that is lent bytes": (listener) =>
    listener.attach({ onBytes: (_caller, bytes) => bytes }),
  "an async service that is lent bytes": (listener) =>
    listener.attach({
      async onBytes(_caller, bytes) {
        await undefined;
        return bytes;
      },
    }),
  "a handler": (listener) => listener.attach(serviceOf(echoLoop, {})),
  "a loop in onConnect": (listener) => listener.attach({ onConnect: echoLoop }),
  "messages": (listener) =>
    listener.attach(framedService(new LineCodec(), { onMessage: (_caller, line) => line })),
  "a loop of messages in onConnect": (listener) =>
    listener.attach({
      async onConnect(caller) {
        const lines = framed(caller, new LineCodec());
        for await (const line of lines) await lines.send(line);
      },
    }),
  "loops over the listener and its callers": (listener) =>
    void (async () => {
      for await (const caller of listener) void echoLoop(caller);
    })(),
};
