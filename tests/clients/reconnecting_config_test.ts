import { assertEquals, assertThrows } from "@std/assert";
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
