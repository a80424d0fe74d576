// How the repository is built, as far as a machine can hold it.

import { assertEquals } from "@std/assert";
import * as checks from "./support/architecture.ts";
import { readSource, repositoryFiles, root } from "./support/source.ts";

/** The rooms of src/, lower to upper: a room imports only from those before it, types included. */
const LAYERS = `
  bag line errors arguments options user_code service_methods clock secure_info byte_stream free
  transport/der transport/certificate_names ip_address datagram_socket
  transport/deno_datagram transport/own_address transport/net_permission transport/name_lookup
  transport/dial_each transport/node_datagram turns
  transport/tls_failure transport/native_tls transport/unix transport/bind_room
  transport/unix_listener transport/node_stream network address
  deadline byte_queue hand_out read_buffer framing/frame_buffer framing/codec framing/frame
  framing/delimiter_search framing/utf8 framing/line_decoder framing/length_prefix
  framing/delimiter_codec framing/fixed_length_codec framing/line_codec framing/json_lines_codec
  framing/length_prefix_codec framing/netstring_codec guard/crc32c guard/proxy_header_error
  guard/proxy_tlv guard/proxy_header guard/proxy_v1 guard/proxy_v2
  guard/proxy_protocol transport/replayed guard/proxied_transport guard/rejection guard/listener_stats
  guard/address_blocks guard/rate_limit guard/minimum_rate guard/queue_budget guard/guard_config
  stage guard/guard guard/header_stage transport/secure_socket transport/certificate_watch
  transport/pem transport/private_key transport/credentials transport/trial
  transport/next_turn transport/tls_wire
  transport/decrypted transport/tls_records transport/tls_streams transport/tls_engine
  transport/tls_layer transport/client_hello transport/session_probe transport/tls_server transport/tls_dialer transport/client_security
  transport/listener_security share catch_up reader pull byte_iteration delimited_reader writer lazy_timer
  busy_clock duplex upgrade
  web_streams connection_config connection connection_set service framing/refusal framing/exchange framing/framed
  framing/framed_service life_cycle open_connections acceptor intake guard/proxy_sender client
  guard/connection_limits listener_config entrance service_factory listener datagram
  unread_budget datagram_share datagram_mailbox datagram_receiver host_names sender_filter datagram_lane datagram_sender udp_config udp_socket multicast
  udp_channel udp_client session_core begun_sessions udp_caller udp_session udp_service udp_sessions udp_serving
  udp_listener
`.trim().split(/\s+/).map((room) => `src/${room}.ts`);

/**
 * What may make sockets and tell the time. The testing kit's waits for a turn of the event loop, no longer, and
 * so does what waits for node:tls. Certificates are valid by the calendar.
 */
const SEAMS = [
  "src/network.ts",
  "src/secure_info.ts",
  "src/transport/credentials.ts",
  "src/transport/next_turn.ts",
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
    checks.importProblems([readSource("src/transport/a.ts", `import "node:net"; import "net";`)]),
    ["src/transport/a.ts:1 imports net"],
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
    "src/transport/a.ts",
    "Deno.startTls(c); Deno.connectTls(x); Date.now()",
  );
  assertEquals(checks.seamProblems([transport], SEAMS), [
    "src/transport/a.ts:1 names Deno.connectTls",
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
