// This library's service face.
import { Listener, type Service } from "../../mod.ts";
import { ready } from "./control.ts";
import { echo } from "./echo_service.ts";
import { lineCutter } from "./lines.mjs";
import { onNetwork } from "./network.ts";
import { play } from "./role.ts";

/** `"lent"`, `"into"`, or none for bytes of the service's own. */
const bytesAre = Deno.env.get("BENCH_BYTES");
const isLent = bytesAre === "lent";
const config = { interface: "127.0.0.1", ...onNetwork };
/** Lent bytes, returned: what a service of this library is advised to do. */
const lentEcho: Service = { onBytes: (_caller, bytes) => bytes };

/** Reads into memory of the service: one buffer for each connection, kept. */
function intoEcho(): Service {
  const memory = new Uint8Array(65_536);
  return {
    async onReadReady(caller) {
      const [bytes, length] = await caller.read(memory);
      if (length > 0) await caller.write(bytes);
    },
  };
}

function echoOf(): Service | (() => Service) {
  if (bytesAre === "into") return intoEcho;
  return isLent ? lentEcho : echo;
}

async function listen(service: Service | (() => Service)): Promise<void> {
  const listener = new Listener(0, config);
  listener.attach(service);
  await listener.start();
  ready(listener.port);
}

/** One write for each line; what one call writes goes out together. */
function answerLines(): Service {
  const cut = lineCutter();
  if (isLent) {
    return {
      onBytes(caller, bytes) {
        for (const line of cut(bytes)) caller.write(line);
      },
    };
  }
  return {
    async onReadReady(caller) {
      const [bytes, length] = await caller.read();
      if (length > 0) { for (const line of cut(bytes)) caller.write(line); }
    },
  };
}

async function broadcast(): Promise<void> {
  const listener = new Listener(0, config);
  listener.attach({
    async onReadReady(caller) {
      const [bytes, length] = await caller.read();
      if (length > 0) { for (const other of listener.connections) other.write(bytes); }
    },
  });
  await listener.start();
  ready(listener.port);
}

await play({
  echo: () => listen(echoOf()),
  small: () => listen(echoOf()),
  lines: () => listen(answerLines),
  broadcast,
});
