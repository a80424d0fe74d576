// This library's messages, of the kind that the first argument names, beside an echo. Prints both ports.
import type { Codec } from "../../codec.ts";
import {
  framedService,
  JsonLinesCodec,
  LengthPrefixCodec,
  LineCodec,
  Listener,
  NetstringCodec,
} from "../../mod.ts";
import type { TINY_FRAMES } from "../tiny_frames.ts";

const CODECS: Record<keyof typeof TINY_FRAMES, Codec<unknown, never>> = {
  "blank JSON lines": new JsonLinesCodec(),
  "JSON lines": new JsonLinesCodec(),
  "lines": new LineCodec() as Codec<unknown, never>,
  "empty frames of one byte": new LengthPrefixCodec({ prefixLength: 1 }),
  "empty netstrings": new NetstringCodec(),
};

const codec = CODECS[Deno.args[0] as keyof typeof CODECS];
const frames = new Listener(0, { interface: "127.0.0.1" });
frames.attach(framedService(codec, { onMessage() {} }));
const echo = new Listener(0, { interface: "127.0.0.1" });
echo.attach({
  async onReadReady(caller) {
    const [bytes, length] = await caller.read();
    if (length > 0) await caller.write(bytes);
  },
});
await frames.start();
await echo.start();
console.log(JSON.stringify({ frames: frames.port, echo: echo.port }));
await Deno.stdin.read(new Uint8Array(1));
Deno.exit(0);
