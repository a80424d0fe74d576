import { assertEquals } from "@std/assert";
import { Guard } from "../../src/listener/guard/guard.ts";
import { headerStage } from "../../src/listener/header_stage.ts";
import { ProxyHeader } from "../../src/proxy/proxy_header.ts";
import { writeProxyHeader } from "../../src/proxy/proxy_protocol.ts";
import type { RejectReason } from "../../src/listener/guard/rejection.ts";
import { scriptedTransport, silence, type Step, VirtualClock } from "../../testing/mod.ts";
import { resolveGuardConfig } from "../../src/listener/guard/guard_config.ts";
import { tcp } from "../support/tcp.ts";

const HEADER = new ProxyHeader({ source: tcp("192.0.2.1"), destination: tcp("192.0.2.2") });

function stageOf(deny: string[] = []) {
  const clock = new VirtualClock();
  const told: RejectReason[] = [];
  const guard = new Guard(
    resolveGuardConfig({
      proxyProtocol: { trusted: ["10.0.0.1"], required: false },
      deny,
    }),
    () => clock.now(),
    (reason) => void told.push(reason),
  );
  const admit = (
    hostname: string,
    ...script: (string | Uint8Array | Step)[]
  ) => {
    const transport = scriptedTransport(script, { remoteAddr: tcp(hostname) });
    return { transport, pass: guard.enter(transport.remoteAddr)!, acceptedAt: 0 };
  };
  const never = new AbortController().signal;
  return { clock, told, admit, never, stage: headerStage(guard, clock) };
}

Deno.test("headerStage() concerns trusted proxies, and says when one has spoken", async () => {
  const { stage, admit, never } = stageOf();
  const proxied = admit("10.0.0.1", writeProxyHeader(HEADER), "hello");
  assertEquals([stage.concerns(proxied), stage.concerns(admit("192.0.2.9"))], [true, false]);
  let words = 0;
  const passed = await stage.pass(proxied, never, () => words++);
  assertEquals([passed!.pass.header, passed!.transport.remoteAddr], [HEADER, tcp("192.0.2.1")]);
  assertEquals(words, 1);
});

Deno.test("headerStage() refuses and frees a client that is not let in", async () => {
  const { stage, admit, never, told } = stageOf(["192.0.2.1"]);
  const proxied = admit("10.0.0.1", writeProxyHeader(HEADER), silence());
  assertEquals(await stage.pass(proxied, never, () => {}), undefined);
  assertEquals([proxied.transport.isClosed, told], [true, ["denied"]]);
});

Deno.test("headerStage() tells a wrong header from one that did not come", async () => {
  const { clock, stage, admit, never, told } = stageOf();
  const wrong = admit("10.0.0.1", "GET / HTTP/1.1\r\n\r\n");
  const silent = admit("10.0.0.1", silence());
  const passes = [wrong, silent].map((item) =>
    stage.pass(item, never, () => {}).catch((error: unknown) => stage.onFailed(error, item))
  );
  await clock.advance(3_000);
  await Promise.all(passes);
  assertEquals(told, ["proxy-header", "proxy-timeout"]);
  assertEquals([wrong.transport.isClosed, silent.transport.isClosed], [true, true]);
});
