import { assert, assertEquals, assertThrows } from "@std/assert";
import { GenericError } from "../../../src/base/errors.ts";
import * as abi from "../../../src/network/linux/abi.ts";
import { must } from "../../../src/network/linux/errno.ts";
import { libc } from "../../../src/network/linux/libc.ts";
import { ipSocketAddress } from "../../../src/network/linux/sockaddr.ts";
import {
  acceptFrom,
  bindTo,
  option as readNumber,
  ownAddress,
} from "../../../src/network/linux/socket.ts";
import { setSocketOptions, type SocketKind } from "../../../src/network/linux/socket_options.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { outputOf } from "../../support/program.ts";
import type { SocketOptions } from "../../../src/network/socket_options.ts";

/** A socket while a function runs. */
function withSocket(family: number, kind: number, body: (descriptor: number) => void): void {
  const descriptor = must("socket", () => libc().socket(family, kind | abi.SOCK_CLOEXEC, 0));
  try {
    body(descriptor);
  } finally {
    libc().close(descriptor);
  }
}

const FAMILIES = [abi.AF_INET, abi.AF_INET6];

/** What is read back for each option: where, and what the system makes of the value. */
const TCP: [SocketOptions, level: number, name: number, gives: number][] = [
  [{ reusePort: true }, abi.SOL_SOCKET, abi.SO_REUSEPORT, 1],
  [{ reusePort: false }, abi.SOL_SOCKET, abi.SO_REUSEPORT, 0],
  [{ receiveBufferSize: 50_000 }, abi.SOL_SOCKET, abi.SO_RCVBUF, 100_000],
  [{ sendBufferSize: 60_000 }, abi.SOL_SOCKET, abi.SO_SNDBUF, 120_000],
  // The lowest two bits are the system's own.
  [{ typeOfService: 187 }, abi.IPPROTO_IP, abi.IP_TOS, 184],
  [{ timeToLive: 7 }, abi.IPPROTO_IP, abi.IP_TTL, 7],
  [{ keepAliveInMillis: "system" }, abi.SOL_SOCKET, abi.SO_KEEPALIVE, 1],
  [{ keepAliveInMillis: 5_000 }, abi.SOL_SOCKET, abi.SO_KEEPALIVE, 1],
  [{ keepAliveInMillis: 5_001 }, abi.IPPROTO_TCP, abi.TCP_KEEPIDLE, 6],
  [{ keepAliveIntervalInMillis: 1_000 }, abi.IPPROTO_TCP, abi.TCP_KEEPINTVL, 1],
  [{ keepAliveProbes: 127 }, abi.IPPROTO_TCP, abi.TCP_KEEPCNT, 127],
  [{ userTimeoutInMillis: 1_234 }, abi.IPPROTO_TCP, abi.TCP_USER_TIMEOUT, 1_234],
];

/** Where IPv6 has what IPv4 has there. */
const IPV6: Record<number, [level: number, name: number]> = {
  [abi.IP_TOS]: [abi.IPPROTO_IPV6, abi.IPV6_TCLASS],
  [abi.IP_TTL]: [abi.IPPROTO_IPV6, abi.IPV6_UNICAST_HOPS],
};

for (const use of ["listen", "connect"] as const) {
  linuxTest(`setSocketOptions() sets each option of TCP that is asked for, to ${use}`, () => {
    for (const family of FAMILIES) {
      for (const [options, level, name, gives] of TCP) {
        withSocket(family, abi.SOCK_STREAM, (descriptor) => {
          const before = readNumber(descriptor, level, name);
          setSocketOptions(descriptor, {}, { family, use });
          assertEquals(readNumber(descriptor, level, name), before);
          setSocketOptions(descriptor, options, { family, use });
          assertEquals(readNumber(descriptor, level, name), gives, JSON.stringify(options));
        });
      }
    }
  });
}

linuxTest("setSocketOptions() sets both families where a socket has both", () => {
  for (const kind of [abi.SOCK_STREAM, abi.SOCK_DGRAM]) {
    withSocket(abi.AF_INET6, kind, (descriptor) => {
      const use = kind === abi.SOCK_STREAM ? "connect" : "datagram";
      const options = { typeOfService: 184, timeToLive: 7 };
      setSocketOptions(descriptor, options, { family: abi.AF_INET6, use });
      const both = ([level, name]: [number, number]) => readNumber(descriptor, level, name);
      assertEquals(
        ([
          [abi.IPPROTO_IP, abi.IP_TOS],
          [abi.IPPROTO_IPV6, abi.IPV6_TCLASS],
          [abi.IPPROTO_IP, abi.IP_TTL],
          [abi.IPPROTO_IPV6, abi.IPV6_UNICAST_HOPS],
        ] as [number, number][]).map(both),
        [184, 184, 7, 7],
      );
    });
  }
});

linuxTest("setSocketOptions() sets the options of datagrams, and leaves TCP's out", () => {
  const kind: SocketKind = { family: abi.AF_INET, use: "datagram" };
  withSocket(abi.AF_INET, abi.SOCK_DGRAM, (descriptor) => {
    const options = { reusePort: true, receiveBufferSize: 50_000, typeOfService: 184 };
    setSocketOptions(descriptor, options, kind);
    assertEquals([
      readNumber(descriptor, abi.SOL_SOCKET, abi.SO_REUSEPORT),
      readNumber(descriptor, abi.SOL_SOCKET, abi.SO_RCVBUF),
      readNumber(descriptor, abi.IPPROTO_IP, abi.IP_TOS),
    ], [1, 100_000, 184]);
  });
});

linuxTest("setSocketOptions() binds to a network interface, and says that there is none", () => {
  const kind: SocketKind = { family: abi.AF_INET, use: "connect" };
  withSocket(abi.AF_INET, abi.SOCK_STREAM, (descriptor) => {
    setSocketOptions(descriptor, { networkInterface: "lo" }, kind);
    const name = new Uint8Array(16);
    must("getsockopt", () => {
      const length = new Uint8Array(new Int32Array([name.length]).buffer);
      return libc().getsockopt(descriptor, abi.SOL_SOCKET, abi.SO_BINDTODEVICE, name, length);
    });
    assertEquals(new TextDecoder().decode(name).replaceAll("\0", ""), "lo");
    const error = assertThrows(
      () => setSocketOptions(descriptor, { networkInterface: "none-such" }, kind),
      GenericError,
      'Cannot set networkInterface: there is no network interface "none-such"',
    );
    assertEquals([error.code, (error.cause as { code: string }).code], ["unreachable", "ENODEV"]);
  });
});

linuxTest(
  "setSocketOptions() has a listening socket allow fast open, and a client where it may",
  async () => {
    const allowed = Number(await outputOf("cat", ["/proc/sys/net/ipv4/tcp_fastopen"])) & 1;
    withSocket(abi.AF_INET, abi.SOCK_STREAM, (descriptor) => {
      const kind: SocketKind = { family: abi.AF_INET, use: "listen", backlog: 17 };
      const address = ipSocketAddress("127.0.0.1", 0);
      must("bind", () => libc().bind(descriptor, address, address.length));
      must("listen", () => libc().listen(descriptor, 17));
      setSocketOptions(descriptor, { fastOpen: true }, kind);
      assertEquals(readNumber(descriptor, abi.IPPROTO_TCP, abi.TCP_FASTOPEN), 17);
    });
    withSocket(abi.AF_INET, abi.SOCK_STREAM, (descriptor) => {
      setSocketOptions(descriptor, { fastOpen: true }, { family: abi.AF_INET, use: "connect" });
      assertEquals(readNumber(descriptor, abi.IPPROTO_TCP, abi.TCP_FASTOPEN_CONNECT), allowed);
    });
  },
);

linuxTest("setSocketOptions() names the option that the system refuses", () => {
  const kind: SocketKind = { family: abi.AF_INET, use: "connect" };
  const error = assertThrows(
    () => setSocketOptions(1_000_000, { timeToLive: 7 }, kind),
    Deno.errors.BadResource,
    "cannot set timeToLive: Bad file descriptor",
  );
  assertEquals((error as Error & { syscall: string }).syscall, "setsockopt");
  // A local socket has no such option.
  withSocket(abi.AF_UNIX, abi.SOCK_STREAM, (descriptor) => {
    const options = { userTimeoutInMillis: 5 };
    assertThrows(() => setSocketOptions(descriptor, options, kind), Error, "userTimeoutInMillis");
    setSocketOptions(descriptor, { receiveBufferSize: 50_000 }, kind);
    assertEquals(readNumber(descriptor, abi.SOL_SOCKET, abi.SO_RCVBUF), 100_000);
  });
});

linuxTest("setSocketOptions() of a socket that listens is what it accepts is set to", () => {
  for (const [family, ip] of [[abi.AF_INET, "127.0.0.1"], [abi.AF_INET6, "::1"]] as const) {
    for (const [options, level, name, gives] of TCP) {
      if ("reusePort" in options) continue;
      withSocket(family, abi.SOCK_STREAM, (listener) => {
        setSocketOptions(listener, options, { family, use: "listen" });
        bindTo(listener, ipSocketAddress(ip, 0));
        must("listen", () => libc().listen(listener, 1));
        withSocket(family, abi.SOCK_STREAM, (client) => {
          const { port } = ownAddress(listener, "tcp") as Deno.NetAddr;
          const to = ipSocketAddress(ip, port);
          must("connect", () => libc().connect(client, to, to.length));
          const accepted = acceptFrom(listener, "tcp");
          assert(typeof accepted !== "number");
          // For IPv6 it is the traffic class that goes with the packets.
          const isIpv6 = family === abi.AF_INET6 && level === abi.IPPROTO_IP;
          const [at, option] = isIpv6 ? IPV6[name]! : [level, name];
          assertEquals(readNumber(accepted.descriptor, at, option), gives, JSON.stringify(options));
          libc().close(accepted.descriptor);
        });
      });
    }
  }
});
