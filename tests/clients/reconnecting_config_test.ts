import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { resolveReconnecting } from "../../src/clients/reconnecting_config.ts";

const place = { host: "a.example", port: 1 };

Deno.test("resolveReconnecting() names the targets, and fills in the defaults", () => {
  const { targets, prepareTimeoutInMillis, shuffleTargets } = resolveReconnecting(place);
  assertEquals(targets.map(({ name }) => name), ["a.example:1"]);
  assertEquals([prepareTimeoutInMillis, shuffleTargets], [30_000, false]);
  const several = resolveReconnecting({
    targets: [place, { host: "::1", port: 2 }, { path: "/run/x" }],
    readTimeoutInMillis: 5,
  });
  assertEquals(several.targets.map(({ name }) => name), ["a.example:1", "[::1]:2", "/run/x"]);
  assertEquals({ ...several.targets[1]!.config }, {
    readTimeoutInMillis: 5,
    host: "::1",
    port: 2,
  });
});

const HOST_OPTIONS = {
  via: "http://127.0.0.1:1",
  lookup: () => ["127.0.0.1"],
  family: 4,
  localAddress: "127.0.0.1",
  localPort: 1,
  keepAliveInMillis: 1_000,
  timeToLive: 1,
} as const;

for (const [name, value] of Object.entries(HOST_OPTIONS)) {
  Deno.test(`resolveReconnecting() keeps ${name} for those targets that are hosts`, () => {
    const paths = [{ path: "/run/x" }, { path: "/run/y" }];
    const options = { [name]: value, sendBufferSize: 4_096 };
    const { targets } = resolveReconnecting({ targets: [place, ...paths], ...options });
    assertEquals(targets.map(({ config }) => ({ ...config })), [
      { ...place, ...options },
      { ...paths[0]!, sendBufferSize: 4_096 },
      { ...paths[1]!, sendBufferSize: 4_096 },
    ]);
    // It would be for nobody.
    const error = assertThrows(
      () => resolveReconnecting({ targets: paths, ...options }),
      TypeError,
    );
    assertStringIncludes(error.message, name);
    // Nor is it passed over in what says both itself.
    const both = { targets: [place, { ...place, path: "/run/x" }], ...options };
    assertThrows(() => resolveReconnecting(both), TypeError, "not two of these");
  });
}

Deno.test("resolveReconnecting() says what is wrong", () => {
  const wrong: [object, string][] = [
    [{}, "host must"],
    [{ ...place, port: 0 }, "port must"],
    [{ ...place, prot: 1 }, 'config has no option "prot": use port'],
    [{ ...place, callbackService: {} }, 'config has no option "callbackService"'],
    [{ ...place, targets: [place] }, "not both"],
    [{ targets: [] }, "targets must not be empty"],
    [{ targets: place }, "targets must be an array"],
    [{ targets: [{ ...place, prot: 1 }] }, 'targets[0] has no option "prot": use port'],
    [{ targets: [place, { host: "a", port: 70_000 }] }, "port must"],
    [{ ...place, onUp: 1 }, "onUp must be a function"],
    [{ ...place, onDown: 1 }, "onDown must be a function"],
    [{ ...place, onState: 1 }, "onState must be a function"],
    [{ ...place, prepareTimeoutInMillis: 0 }, "prepareTimeoutInMillis must be"],
    [{ ...place, shuffleTargets: 1 }, "shuffleTargets must be true or false"],
    [{ ...place, signal: 1 }, "signal must be an AbortSignal"],
    [{ ...place, maxAttempts: 0 }, "maxAttempts must be"],
    [{ ...place, heartbeat: {} }, "heartbeat must have"],
  ];
  for (const [config, says] of wrong) {
    assertThrows(() => resolveReconnecting(config as never), Error, says);
  }
});
