import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GenericError, Listener, UdpListener } from "../../mod.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { notifyPath, tellReady } from "../../src/network/readiness.ts";
import { VirtualClock } from "../../testing/mod.ts";

const NO_STOP = new AbortController().signal;

async function withSocket(value: string, body: () => Promise<void>): Promise<void> {
  Deno.env.set("NOTIFY_SOCKET", value);
  try {
    await body();
  } finally {
    Deno.env.delete("NOTIFY_SOCKET");
  }
}

Deno.test("notifyPath() reads what the service manager gives", () => {
  for (const none of [undefined, ""]) assertEquals(notifyPath(none), undefined);
  assertEquals([notifyPath("/run/notify"), notifyPath("@a/b")], ["/run/notify", "\0a/b"]);
  for (const other of ["vsock:2:1234", "run/notify", "@", "/", `/${"x".repeat(200)}`]) {
    const error = assertThrows(() => notifyPath(other), GenericError, "NOTIFY_SOCKET");
    assertEquals(error.code, "unsupported");
  }
});

Deno.test("tellReady() sends one datagram, or none where nobody waits for it", async () => {
  const sent: string[] = [];
  const network = {
    ...denoNetwork,
    sendToPath: (path: string, bytes: Uint8Array) =>
      Promise.resolve(void sent.push(path, new TextDecoder().decode(bytes))),
  };
  await tellReady(network, NO_STOP);
  assertEquals(sent, []);
  await withSocket("@x", async () => {
    await tellReady(network, NO_STOP);
    assertEquals(sent, ["\0x", "READY=1"]);
    const { sendToPath: _, ...cannot } = network;
    const error = await assertRejects(
      () => tellReady(cannot, NO_STOP),
      GenericError,
      "local sockets",
    );
    assertEquals(error.code, "unsupported");
  });
});

Deno.test("A listener with notifyReady that cannot tell does not start, and leaves nothing bound", async () => {
  const network = { ...denoNetwork, sendToPath: () => Promise.reject(new Error("gone")) };
  await withSocket("@x", async () => {
    for (const Kind of [Listener, UdpListener]) {
      const listener = new Kind(0, { interface: "127.0.0.1", network, notifyReady: true });
      const error = await assertRejects(() => listener.start(), GenericError, "gone");
      assertEquals(await listener.closed, error);
    }
  });
});

Deno.test("A listener with notifyReady does not wait for ever for a service manager that takes nothing", async () => {
  const clock = new VirtualClock();
  const asked: AbortSignal[] = [];
  const network = {
    ...denoNetwork,
    clock,
    sendToPath(_path: string, _bytes: Uint8Array, signal: AbortSignal) {
      asked.push(signal);
      return new Promise<void>(() => {});
    },
  };
  await withSocket("@full", async () => {
    for (const Kind of [Listener, UdpListener]) {
      const listener = new Kind(0, { interface: "127.0.0.1", network, notifyReady: true });
      const starting = assertRejects(() => listener.start(), GenericError, '"\\u0000full"');
      while (asked.length === 0) await new Promise(setImmediate);
      await clock.advance(5_000);
      const error = await starting;
      assertEquals([error.code, await listener.closed], ["timed-out", error]);
      assert(asked.pop()!.aborted);
    }
  });
});

Deno.test("A stop does not wait for a service manager that takes nothing", async () => {
  let asked = Promise.withResolvers<AbortSignal>();
  const network = {
    ...denoNetwork,
    sendToPath(_path: string, _bytes: Uint8Array, signal: AbortSignal) {
      asked.resolve(signal);
      return new Promise<void>(() => {});
    },
  };
  await withSocket("@full", async () => {
    for (const Kind of [Listener, UdpListener]) {
      for (const stop of ["gracefulStop", "immediateStop"] as const) {
        asked = Promise.withResolvers();
        const listener = new Kind(0, { interface: "127.0.0.1", network, notifyReady: true });
        const starting = listener.start();
        const signal = await asked.promise;
        await listener[stop]();
        await starting;
        assertEquals([signal.aborted, await listener.closed], [true, undefined]);
      }
    }
  });
});
