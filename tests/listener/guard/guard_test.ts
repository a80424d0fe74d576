import { assert, assertEquals } from "@std/assert";
import { Guard, type Pass } from "../../../src/listener/guard/guard.ts";
import { type GuardConfig, resolveGuardConfig } from "../../../src/listener/guard/guard_config.ts";
import { ProxyHeader } from "../../../src/proxy/proxy_header.ts";
import { truncatedHeaderError } from "../../../src/proxy/proxy_protocol.ts";
import { REJECT_REASONS, type RejectReason } from "../../../src/listener/guard/rejection.ts";
import { hostOf, portOf } from "../../../src/base/address.ts";
import { tcp } from "../../support/tcp.ts";

function from(hostname: string): ProxyHeader {
  return new ProxyHeader({ source: tcp(hostname), destination: tcp("198.51.100.1") });
}

/** A guard with a clock that is set by hand, and its reports. */
function guardWith(config: GuardConfig) {
  const told: {
    reason: RejectReason;
    remoteAddress: string;
    remotePort: number;
    error: unknown;
  }[] = [];
  const clock = { now: 0 };
  const guard = new Guard(resolveGuardConfig(config), () => clock.now, (reason, peer, error) => {
    told.push({ reason, remoteAddress: hostOf(peer), remotePort: portOf(peer), error });
  });
  return { guard, told, clock, reasons: () => told.map(({ reason }) => reason) };
}

/** The pass of a connection that was taken. */
function opened(guard: Guard, host: string): Pass {
  const pass = guard.enter(tcp(host))!;
  guard.open(pass);
  return pass;
}

Deno.test("Guard lets everybody in without limits", () => {
  const { guard, told } = guardWith({});
  for (let i = 0; i < 1_000; i++) {
    assertEquals(guard.acceptDelay(), 0);
    const pass = opened(guard, "192.0.2.1");
    assertEquals(pass.needsHeader, false);
    assertEquals(pass.peer, tcp("192.0.2.1"));
  }
  const stats = guard.stats([]);
  assertEquals([stats.accepted, stats.open], [1_000, 1_000]);
  assertEquals(Object.values(stats.rejected), REJECT_REASONS.map(() => 0));
  assertEquals(told, []);
});

Deno.test("Guard.acceptDelay() asks to wait for an end where maxConnections are open", () => {
  const { guard, told } = guardWith({ maxConnections: 2 });
  const first = opened(guard, "192.0.2.1");
  // A connection that was not taken yet holds no place.
  guard.leave(guard.enter(tcp("192.0.2.3"))!);
  assertEquals([guard.acceptDelay(), guard.hasRoom], [0, true]);
  opened(guard, "192.0.2.2");
  assertEquals([guard.acceptDelay(), guard.hasRoom], [Infinity, false]);
  guard.leave(first);
  assertEquals(guard.acceptDelay(), 0);
  // Returning a pass twice does not make room for two.
  guard.leave(first);
  opened(guard, "192.0.2.1");
  assertEquals(guard.acceptDelay(), Infinity);
  assertEquals(told, []);
});

Deno.test("Guard.acceptDelay() asks to wait where maxConnectionsPerSecond have begun", () => {
  const { guard, clock, told } = guardWith({ maxConnectionsPerSecond: 2, deny: ["192.0.2.9"] });
  for (let i = 0; i < 2; i++) {
    assertEquals(guard.acceptDelay(), 0);
    guard.leave(guard.enter(tcp("192.0.2.1"))!);
  }
  assertEquals(guard.acceptDelay(), 500);
  clock.now = 400;
  assertEquals(guard.acceptDelay(), 100);
  clock.now = 500;
  assertEquals(guard.acceptDelay(), 0);
  assertEquals(told, []);
  // A refused connection takes no place.
  assertEquals(guard.enter(tcp("192.0.2.9")), undefined);
  assertEquals(guard.acceptDelay(), 0);
});

Deno.test("Guard.enter() refuses whom deny has, and whom allow has not", () => {
  const { guard, told } = guardWith({ allow: ["192.0.2.0/24"], deny: ["192.0.2.128/25"] });
  assert(guard.enter(tcp("192.0.2.1")) !== undefined);
  assert(guard.enter(tcp("::ffff:192.0.2.1")) !== undefined);
  assertEquals(guard.enter(tcp("192.0.2.200", 9)), undefined);
  assertEquals(guard.enter(tcp("198.51.100.1")), undefined);
  assertEquals(guard.enter({ transport: "unix", path: "/a" }), undefined);
  assertEquals(told, [
    { reason: "denied", remoteAddress: "192.0.2.200", remotePort: 9, error: undefined },
    { reason: "not-allowed", remoteAddress: "198.51.100.1", remotePort: 7, error: undefined },
    { reason: "not-allowed", remoteAddress: "/a", remotePort: 0, error: undefined },
  ]);
  const { accepted, rejected } = guard.stats([]);
  assertEquals([accepted, rejected.denied, rejected["not-allowed"]], [2, 1, 2]);
});

Deno.test("Guard.enter() lets nobody without an IP address pass deny and allow, but for local peers", () => {
  const nameless = ["", "peer.invalid", "192.0.2.300"].map((hostname) => tcp(hostname));
  const path = { transport: "unix", path: "" } as const;
  const denying = guardWith({ deny: ["192.0.2.0/24"] });
  for (const peer of nameless) assertEquals(denying.guard.enter(peer), undefined);
  assert(denying.guard.enter(path) !== undefined);
  const allowing = guardWith({ allow: ["0.0.0.0/0", "::/0", "unix:"] });
  for (const peer of nameless) assertEquals(allowing.guard.enter(peer), undefined);
  assert(allowing.guard.enter(path) !== undefined);
  assertEquals([...denying.reasons(), ...allowing.reasons()], [
    ...nameless.map(() => "denied"),
    ...nameless.map(() => "not-allowed"),
  ]);
  assertEquals(guardWith({ deny: ["unix:"] }).guard.enter(path), undefined);
  assertEquals(guardWith({ allow: ["::/0"] }).guard.enter(path), undefined);
  // Where no address is looked at, it need not be one.
  const { guard } = guardWith({ maxConnectionsPerAddress: 1 });
  for (const peer of nameless) assert(guard.enter(peer) !== undefined);
});

Deno.test("Guard.enter() judges a link-local address without its zone", () => {
  const { guard, reasons } = guardWith({ deny: ["fe80::/16"], allow: ["fe80::/10"] });
  assertEquals(guard.enter(tcp("fe80::1%eth0")), undefined);
  assert(guard.enter(tcp("fe90::1%eth0")) !== undefined);
  assertEquals(reasons(), ["denied"]);
});

Deno.test("Guard.enter() refuses an address with maxConnectionsPerAddress connections", () => {
  const { guard, reasons } = guardWith({ maxConnectionsPerAddress: 2 });
  const passes = ["192.0.2.1", "::ffff:192.0.2.1"].map((host) => guard.enter(tcp(host))!);
  assertEquals(guard.enter(tcp("192.0.2.1")), undefined);
  assert(guard.enter(tcp("192.0.2.2")) !== undefined);
  guard.leave(passes[0]!);
  guard.leave(passes[0]!);
  assert(guard.enter(tcp("192.0.2.1")) !== undefined);
  assertEquals(guard.enter(tcp("192.0.2.1")), undefined);
  assertEquals(reasons(), ["address-limit", "address-limit"]);
  // Peers without an address are not one address.
  for (let i = 0; i < 5; i++) assert(guard.enter({ transport: "unix", path: "" }) !== undefined);
});

Deno.test("Guard.enter() counts an IPv6 address with its block", () => {
  const { guard, reasons } = guardWith({ maxConnectionsPerAddress: 1 });
  assert(guard.enter(tcp("2001:db8:0:1::1")) !== undefined);
  assertEquals(guard.enter(tcp("2001:db8:0:1:ffff::2")), undefined);
  assert(guard.enter(tcp("2001:db8:0:2::1")) !== undefined);
  assertEquals(reasons(), ["address-limit"]);
  const exact = guardWith({ maxConnectionsPerAddress: 1, ipv6PrefixLength: 128 }).guard;
  assert(exact.enter(tcp("2001:db8:0:1::1")) !== undefined);
  assert(exact.enter(tcp("2001:db8:0:1::2")) !== undefined);
});

Deno.test("Guard.enter() refuses an address that comes too often", () => {
  const { guard, clock, reasons } = guardWith({ maxConnectionsPerSecondPerAddress: 2 });
  const enter = (host: string) => {
    const pass = guard.enter(tcp(host));
    if (pass !== undefined) guard.leave(pass);
    return pass !== undefined;
  };
  assertEquals(["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"].map(enter), [
    true,
    true,
    false,
    true,
  ]);
  clock.now = 500;
  assertEquals(enter("192.0.2.1"), true);
  assertEquals(enter("192.0.2.1"), false);
  assertEquals(reasons(), ["address-rate", "address-rate"]);
});

Deno.test("Guard reads headers from trusted proxies only, and refuses everybody else", () => {
  const { guard, told } = guardWith({ proxyProtocol: { trusted: ["10.0.0.0/8", "unix:"] } });
  assertEquals(guard.enter(tcp("10.0.0.1"))?.needsHeader, true);
  assertEquals(guard.enter({ transport: "unix", path: "" })?.needsHeader, true);
  assertEquals(guard.enter(tcp("192.0.2.1", 5)), undefined);
  assertEquals(told, [
    { reason: "untrusted-proxy", remoteAddress: "192.0.2.1", remotePort: 5, error: undefined },
  ]);
  const { accepted, open } = guard.stats([]);
  // Nobody is let in before the header has arrived.
  assertEquals([accepted, open], [0, 0]);
});

Deno.test("Guard takes everybody else for a client where no header is required", () => {
  const { guard, reasons } = guardWith({
    proxyProtocol: { trusted: ["10.0.0.0/8"], required: false },
    deny: ["192.0.2.9"],
  });
  assertEquals(guard.enter(tcp("192.0.2.1"))?.needsHeader, false);
  assertEquals(guard.enter(tcp("192.0.2.9")), undefined);
  assertEquals(guard.enter(tcp("")), undefined);
  assertEquals(reasons(), ["denied", "denied"]);
});

Deno.test("Guard.identify() judges the client that the proxy names, not the proxy", () => {
  const { guard, told } = guardWith({
    proxyProtocol: { trusted: ["10.0.0.1"] },
    allow: ["192.0.2.0/24"],
    maxConnectionsPerAddress: 1,
  });
  const enter = (host: string) => {
    const pass = guard.enter(tcp("10.0.0.1"))!;
    return { pass, isIn: guard.identify(pass, from(host)) };
  };
  const first = enter("192.0.2.1");
  assertEquals([first.isIn, first.pass.needsHeader], [true, false]);
  assertEquals(first.pass.peer, tcp("192.0.2.1", 7));
  assertEquals(first.pass.header, from("192.0.2.1"));
  const second = enter("192.0.2.1");
  assertEquals(second.isIn, false);
  assertEquals(enter("192.0.2.2").isIn, true);
  const foreign = enter("203.0.113.1");
  assertEquals(foreign.isIn, false);
  assertEquals(told, [
    { reason: "address-limit", remoteAddress: "192.0.2.1", remotePort: 7, error: undefined },
    { reason: "not-allowed", remoteAddress: "203.0.113.1", remotePort: 7, error: undefined },
  ]);
  guard.leave(second.pass);
  guard.leave(foreign.pass);
  assertEquals(enter("192.0.2.1").isIn, false);
  guard.leave(first.pass);
  assertEquals(enter("192.0.2.1").isIn, true);
});

Deno.test("Guard.identify() lets a proxy's own check in, and judges as itself what it does not name", () => {
  const { guard, reasons } = guardWith({
    proxyProtocol: { trusted: ["10.0.0.1"] },
    allow: ["192.0.2.0/24"],
    maxConnectionsPerAddress: 1,
  });
  for (let i = 0; i < 3; i++) {
    const pass = guard.enter(tcp("10.0.0.1"))!;
    assertEquals(guard.identify(pass, new ProxyHeader({ command: "local" })), true);
    assertEquals(pass.peer, tcp("10.0.0.1"));
  }
  for (const version of [1, 2] as const) {
    const pass = guard.enter(tcp("10.0.0.1"))!;
    assertEquals(guard.identify(pass, new ProxyHeader({ version })), false);
  }
  assertEquals(reasons(), ["not-allowed", "not-allowed"]);
  assertEquals(guard.stats([]).accepted, 3);
});

Deno.test("Guard.reject() counts and tells, and leaves the pass to be given back", () => {
  const { guard, told } = guardWith({ proxyProtocol: { trusted: ["10.0.0.1"] } });
  const pass = guard.enter(tcp("10.0.0.1", 3))!;
  const error = truncatedHeaderError(5);
  guard.reject(pass, "proxy-header", error);
  assertEquals(told, [
    { reason: "proxy-header", remoteAddress: "10.0.0.1", remotePort: 3, error },
  ]);
  guard.leave(pass);
  const { accepted, open, rejected } = guard.stats([]);
  assertEquals([accepted, open, rejected["proxy-header"]], [0, 0, 1]);
});

Deno.test("Guard.stats() adds up what has ended and what is open", () => {
  const { guard } = guardWith({});
  const first = opened(guard, "192.0.2.1");
  const second = opened(guard, "192.0.2.2");
  opened(guard, "192.0.2.3");
  guard.leave(first, { bytesRead: 10, bytesWritten: 200 });
  guard.leave(first, { bytesRead: 10, bytesWritten: 200 });
  guard.leave(second, { bytesRead: 100, bytesWritten: 2_000 });
  const stats = guard.stats([{ bytesRead: 1, bytesWritten: 20, queuedBytes: 3 }]);
  assertEquals([stats.accepted, stats.open], [3, 1]);
  assertEquals([stats.bytesRead, stats.bytesWritten, stats.queuedBytes], [111, 2_220, 3]);
  assert([stats, stats.rejected, stats.handshakes].every(Object.isFrozen));
});

Deno.test("Guard keeps one entry per address that is in, however many come and go", () => {
  const { guard } = guardWith({
    maxConnectionsPerAddress: 1,
    maxConnectionsPerSecondPerAddress: 1,
  });
  const passes = [];
  for (let i = 0; i < 50_000; i++) {
    const pass = guard.enter(tcp(`10.${i >> 16}.${i >> 8 & 255}.${i & 255}`))!;
    if (i % 10 === 0) passes.push(pass);
    else guard.leave(pass);
  }
  assertEquals(guard.rememberedAddresses, { open: 5_000, rated: 10_000 });
  for (const pass of passes) guard.leave(pass);
  assertEquals(guard.rememberedAddresses.open, 0);
});
