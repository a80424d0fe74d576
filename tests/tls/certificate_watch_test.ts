import { assertEquals } from "@std/assert";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { CertificateWatch } from "../../src/tls/certificate_watch.ts";

Deno.test("CertificateWatch tells a change once, again where it could not be used, and none after stop", async () => {
  const certFile = await Deno.makeTempFile();
  // Its timers keep the test alive.
  const { unrefTimer: _, ...clock } = denoNetwork.clock;
  const calls: boolean[] = [];
  let called = Promise.withResolvers<void>();
  const watch = new CertificateWatch(() => ({ certFile, keyFile: `${certFile}.missing` }), {
    clock,
    reloadInMillis: 2,
    onChange: (isAgain) => {
      called.resolve();
      called = Promise.withResolvers();
      return calls.push(isAgain) < 3
        ? Promise.reject(new Error("half-written"))
        : Promise.resolve();
    },
  });
  try {
    await watch.ready();
    await Deno.writeTextFile(certFile, "new");
    watch.begin();
    await called.promise;
    await called.promise;
    await called.promise;
    assertEquals(calls, [false, true, true]);
    await Deno.writeTextFile(certFile, "newer still");
    await called.promise;
    assertEquals(calls, [false, true, true, false]);
  } finally {
    watch.stop();
    await Deno.remove(certFile);
  }
});

Deno.test("CertificateWatch sees a file that was written over in place, with the size and time of the old one", async () => {
  const certFile = await Deno.makeTempFile();
  const { unrefTimer: _, ...clock } = denoNetwork.clock;
  const called = Promise.withResolvers<void>();
  const write = async (text: string) => {
    await Deno.writeTextFile(certFile, text);
    await Deno.utime(certFile, 1_000, 1_000);
  };
  await write("old");
  const watch = new CertificateWatch(() => ({ certFile }), {
    clock,
    reloadInMillis: 2,
    onChange: () => Promise.resolve(called.resolve()),
  });
  try {
    await watch.ready();
    await write("new");
    watch.begin();
    await called.promise;
  } finally {
    watch.stop();
    await Deno.remove(certFile);
  }
});
