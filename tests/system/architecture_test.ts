// How the repository is built, as far as a machine can hold it.

import { assertEquals } from "@std/assert";
import * as checks from "../support/architecture.ts";
import { readSource, repositoryFiles, root } from "../support/source.ts";

/** The rooms of src/, lower to upper: a room imports only from those before it, types included. */
const LAYERS = `
  listener/bag listener/line base/errors base/arguments base/ip_address base/address base/options base/user_code base/service_methods network/clock network/secure_info network/transport network/free
  tls/der tls/certificate_names  network/datagram_socket network/turns network/network
  network/deno/deno_datagram network/deno/own_address network/node/net_permission network/node/name_lookup
  network/dial_each network/node/node_datagram
  base/tls_failure network/deno/native_tls network/deno/unix network/deno/bind_room
  network/deno/unix_listener network/node/node_stream network/deno/deno_network 
  network/deadline bytes/byte_queue bytes/hand_out bytes/read_buffer bytes/frame_buffer framing/codec framing/frame
  bytes/delimiter_search bytes/utf8 framing/line_decoder framing/length_prefix
  framing/delimiter_codec framing/fixed_length_codec framing/line_codec framing/json_lines_codec
  framing/length_prefix_codec framing/netstring_codec proxy/crc32c proxy/proxy_header_error
  proxy/proxy_tlv proxy/proxy_header proxy/proxy_v1 proxy/proxy_v2
  proxy/proxy_protocol network/replayed_transport proxy/proxied_transport listener/guard/rejection listener/guard/listener_stats
  listener/guard/address_blocks listener/guard/rate_limit connection/minimum_rate listener/guard/queue_budget listener/guard/guard_config
  listener/stage listener/guard/guard listener/header_stage tls/secure_socket tls/certificate_watch
  tls/pem tls/private_key tls/credentials tls/trial
  tls/next_turn tls/tls_wire
  tls/decrypted tls/tls_records tls/tls_streams tls/tls_engine
  tls/tls_layer tls/client_hello tls/session_probe tls/tls_server tls/tls_dialer tls/client_security
  tls/listener_security network/share connection/catch_up connection/reader connection/pull connection/byte_iteration connection/delimited_reader connection/writer network/lazy_timer
  udp/busy_clock connection/duplex connection/upgrade
  connection/web_streams connection/connection_config connection/connection listener/connection_set connection/service framing/refusal framing/exchange framing/framed
  framing/framed_service listener/life_cycle listener/open_connections listener/acceptor listener/intake proxy/proxy_sender connection/client
  listener/guard/connection_limits listener/listener_config listener/entrance connection/service_factory listener/listener udp/datagram
  udp/unread_budget udp/datagram_share udp/datagram_mailbox udp/datagram_receiver udp/host_names udp/sender_filter udp/datagram_lane udp/datagram_sender udp/udp_config udp/udp_socket udp/multicast
  udp/udp_channel udp/udp_client udp/session_core udp/begun_sessions udp/udp_caller udp/udp_session udp/udp_service udp/udp_sessions udp/udp_serving
  udp/udp_listener
`.trim().split(/\s+/).map((room) => `src/${room}.ts`);

/**
 * What may make sockets and tell the time. The testing kit's waits for a turn of the event loop, no longer, and
 * so does what waits for node:tls. Certificates are valid by the calendar.
 */
const SEAMS = [
  "src/network/deno/deno_network.ts",
  "src/network/secure_info.ts",
  "src/tls/credentials.ts",
  "src/tls/next_turn.ts",
  "testing/microtasks.ts",
];

const paths = repositoryFiles();
const texts = paths.filter((path) =>
  /(\.(ts|js|json|md|txt|yml)|^LICENSE|^\.ci\/[\w-]+)$/.test(path)
)
  .map((path) => [path, Deno.readTextFileSync(new URL(path, root))] as const);
const sources = texts.filter(([path]) => path.endsWith(".ts"))
  .map(([path, text]) => readSource(path, text));
const within = (...folders: string[]) =>
  sources.filter(({ path }) => folders.some((folder) => path.startsWith(folder)));
const doors = sources.filter(({ path }) => path === "mod.ts" || path === "testing/mod.ts");

Deno.test("src/ is in layers, and every import points down", () => {
  assertEquals(checks.layerProblems(within("src/"), LAYERS), []);
  assertEquals(
    checks.layerProblems(
      [
        readSource("src/b.ts", `export { type A } from "./d/c.ts"; import "./e.ts";`),
        readSource("src/d/c.ts", `type B = import("../b.ts").B;\nawait import("../../mod.ts");`),
        readSource("src/f.ts", `import type { C } from "./d/c.ts"; import "node:net";`),
      ],
      ["src/a.ts", "src/b.ts", "src/d/c.ts"],
    ),
    [
      "src/f.ts is in no layer",
      "src/a.ts is a layer and no file",
      "src/b.ts:1 imports ./d/c.ts, which is not below it",
      "src/b.ts:1 imports ./e.ts, which is not below it",
      "src/d/c.ts:2 imports ../../mod.ts, which is not below it",
    ],
  );
});

Deno.test("src/, testing/ and mod.ts import by relative path only", () => {
  assertEquals(checks.importProblems(within("src/", "testing/", "mod.ts")), []);
  const imports = `import "@std/assert"; import "npm:x"; export * from "https://a.example/x.ts";
    import "node:net"; await import("./b"); await import(name); import "./b.ts"; import "../b.ts";`;
  assertEquals(checks.importProblems([readSource("src/a.ts", imports)]), [
    "src/a.ts:1 imports @std/assert",
    "src/a.ts:1 imports npm:x",
    "src/a.ts:1 imports https://a.example/x.ts",
    "src/a.ts:2 imports node:net",
    "src/a.ts:2 imports ./b",
    "src/a.ts:2 imports a computed specifier",
  ]);
  assertEquals(
    checks.importProblems([readSource("src/tls/a.ts", `import "node:net"; import "net";`)]),
    ["src/tls/a.ts:1 imports net"],
  );
});

Deno.test("only the seams make sockets and tell the time", () => {
  assertEquals(checks.seamProblems(within("src/", "testing/"), SEAMS), []);
  for (
    const [code, ...names] of [
      ["setTimeout(f); clearTimeout(1)", "setTimeout", "clearTimeout"],
      ["`${setInterval(f)}`; clearInterval(1)", "setInterval", "clearInterval"],
      ["globalThis.setTimeout(f); const g = globalThis", "globalThis.setTimeout", "globalThis"],
      ["self.Deno.connect(x)", "self.Deno"],
      ["const x: Clock = { now, setTimeout }", "setTimeout", "setTimeout"],
      ["performance.now(); Date.now(); new Date()", "performance.now", "Date.now", "Date"],
      ["Deno.connect(x); Deno.connectTls(x)", "Deno.connect", "Deno.connectTls"],
      ["Deno.listen(x); Deno.listenDatagram?.(x)", "Deno.listen", "Deno.listenDatagram"],
      ["type Connect = typeof Deno.connect", "Deno.connect"],
      [`Deno["connect"](x)`, "Deno"],
      ["const { connect } = Deno", "Deno"],
      ["// setTimeout()\n'Date.now()'; /setTimeout/; clock.setTimeout(f); Deno.errors.Busy"],
      ["class A { setTimeout() {} }; interface B { setTimeout(): void }; x = { setTimeout: f }"],
      ["globalThis.addEventListener('unload', f); let d: Date | undefined"],
    ] as const
  ) {
    const source = readSource("src/a.ts", code);
    assertEquals(
      checks.seamProblems([source], SEAMS),
      names.map((name) => `src/a.ts:1 names ${name}`),
    );
    assertEquals(checks.seamProblems([source], ["src/a.ts"]), []);
  }
  const transport = readSource(
    "src/tls/a.ts",
    "Deno.startTls(c); Deno.connectTls(x); Date.now()",
  );
  assertEquals(checks.seamProblems([transport], SEAMS), [
    "src/tls/a.ts:1 names Deno.connectTls",
  ]);
});

Deno.test("every room is reached from a door", () => {
  assertEquals(checks.reachProblems(within("src/", "testing/"), doors), []);
  const rooms = [
    readSource("src/a.ts", `import "./b.ts"`),
    readSource("src/b.ts", `import "./a.ts"`),
    readSource("src/c.ts", `import "./a.ts"`),
  ];
  const door = readSource("mod.ts", `export { a } from "./src/a.ts"`);
  assertEquals(checks.reachProblems(rooms, [door]), ["src/c.ts is reached from no door"]);
});

Deno.test("every room has a test file of its name", () => {
  assertEquals(checks.testProblems(within("src/"), paths), []);
  const rooms = [
    readSource("src/a.ts", "export const a = 1;"),
    readSource("src/d/b.ts", `import "./a.ts"; export function b() {}`),
    readSource("src/c.ts", `import type { A } from "./a.ts"; export type C = A; const D = 1;`),
  ];
  assertEquals(checks.testProblems(rooms, ["tests/a_test.ts", "tests/b_test.ts"]), [
    "src/d/b.ts has no tests/d/b_test.ts",
  ]);
});

Deno.test("the doors name what they export, and do nothing else", () => {
  assertEquals(doors.map(({ path }) => path), ["mod.ts", "testing/mod.ts"]);
  assertEquals(checks.doorProblems(doors), []);
  const door = readSource(
    "mod.ts",
    `export * from "./a.ts";\nimport "./b.ts"; export const c = 1;`,
  );
  assertEquals(checks.doorProblems([door]), [
    "mod.ts does not begin with its doc",
    "mod.ts:1 has a ExportAllDeclaration",
    "mod.ts:2 has a ImportDeclaration",
    "mod.ts:2 has a Constant",
  ]);
});

Deno.test("every example is read at a glance", () => {
  assertEquals(checks.exampleProblems(within("examples/")), []);
  const lines = (count: number) => `// what\n/* why\n */\n\n${"f(); // and so on\n".repeat(count)}`;
  assertEquals(checks.exampleProblems([readSource("examples/a.ts", lines(60))]), []);
  assertEquals(checks.exampleProblems([readSource("examples/a.ts", lines(61))]), [
    "examples/a.ts has 61 lines of code",
  ]);
});

Deno.test("no test sleeps", () => {
  assertEquals(checks.sleepProblems(within("tests/")), []);
  for (
    const code of [
      "await new Promise((resolve) => setTimeout(resolve, 50))",
      "setTimeout(() => resolve(undefined), 50)",
      "setTimeout(() => { resolve(); }, 50)",
      "globalThis.setTimeout(done, 1)",
      "await delay(50)",
      "Atomics.wait(a, 0, 0, 50)",
    ]
  ) {
    assertEquals(checks.sleepProblems([readSource("tests/a_test.ts", code)]).length, 1, code);
  }
  for (
    const code of [
      "setTimeout(() => reject(new Error('too late')), 5_000)",
      "setTimeout(() => child.kill(), 5_000)",
      "setTimeout(resolve, 0)",
      "clock.setTimeout(resolve, 50)",
      "await network.delay(50)",
    ]
  ) {
    assertEquals(checks.sleepProblems([readSource("tests/a_test.ts", code)]), [], code);
  }
  assertEquals(
    checks.sleepProblems([readSource("tests/a_test.ts", `import "node:timers/promises"`)]),
    [
      "tests/a_test.ts:1 imports node:timers/promises",
    ],
  );
});

Deno.test("no file says what its readers cannot use", () => {
  assertEquals(checks.textProblems(texts), []);
  // In pieces, for this file is looked at too.
  for (
    const [before, after] of [
      ["/ho", "me/x"],
      ["issue ", "12"],
      ["fixes #", "12"],
      ["TO", "DO"],
      ["@ts-", "ignore"],
      ["Deno.test.", "only("],
      ["ignore: ", "true"],
      ["sanitizeOps: ", "false"],
    ] as const
  ) {
    const text = `ok\n${before}${after}`;
    assertEquals(checks.textProblems([["a.md", text]]).length, 1, text);
  }
  assertEquals(checks.textProblems([["a.md", "deno#13688, ignore: !has, ./home/a, #fff"]]), []);
});
