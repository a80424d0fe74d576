// What attackers do to the other examples, servers and clients.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client, Listener, UdpClient, UdpListener } from "../../mod.ts";
import { dial } from "../support/dial.ts";
import { interrupt, portOfExample, startExample } from "../support/example.ts";
import { inFolder } from "../support/folder.ts";
import { freePort } from "../support/free_port.ts";

const timeoutInMillis = 10_000;
Deno.test("examples/chat_server.ts passes on nothing that a terminal obeys", async () => {
  await using server = await startExample("chat_server", { PORT: 0 });
  const port = await portOfExample(server);
  await using guest = await dial({ port });
  await guest.readLine({ timeoutInMillis });
  await guest.write("a\x1b[2Jb\rc\0d\x9be\u202ef \u{1f469}\u200d\u{1f680}\n");
  const heard = await guest.readLine({ timeoutInMillis });
  assertEquals(heard, "2 guest 1: a?[2Jb?c?d?e?f \u{1f469}\u200d\u{1f680}");
  await interrupt(server);
});

Deno.test("examples/chat_server.ts passes on the longest line, whatever is in it", async () => {
  await using server = await startExample("chat_server", { PORT: 0 });
  await using guest = await dial({ port: await portOfExample(server) });
  await guest.readLine({ timeoutInMillis });
  await guest.write(new Uint8Array(1_001).fill(0xff).with(1_000, 10));
  const heard = await guest.readLine({ timeoutInMillis });
  assertEquals(heard, `2 guest 1: ${"\ufffd".repeat(1_000)}`);
  await interrupt(server);
});

Deno.test("examples/chat_server.ts brings every line of ten in a burst to all who read, beside a deaf one", async () => {
  const [publishers, lines] = [10, 500];
  await using server = await startExample("chat_server", { PORT: 0 });
  const port = await portOfExample(server);
  // It never reads: what the systems do not buffer for it waits in the server.
  using _deaf = await Deno.connect({ hostname: "127.0.0.1", port });
  const readers = await Promise.all(Array.from({ length: 3 }, () => dial({ port })));
  const speakers = await Promise.all(Array.from({ length: publishers }, () => dial({ port })));
  const heard = readers.map(async (reader) => {
    const seen = new Map<string, number>();
    for (let count = 0; count < publishers * lines;) {
      const line = (await reader.readLine({ timeoutInMillis }))!;
      const [, guest, number] = /: burst (\d+) (\d+)/.exec(line) ?? [];
      if (guest === undefined) continue;
      assertEquals(Number(number), seen.get(guest) ?? 0, `a line of ${guest} is missing`);
      seen.set(guest, Number(number) + 1);
      count++;
    }
    return [...seen.values()];
  });
  const drained = speakers.map(async (speaker) => {
    for await (const _ of speaker);
  });
  // All of it lies there when the server goes on.
  server.signal("SIGSTOP");
  await Promise.all(speakers.map(async (speaker, i) => {
    const burst = Array.from({ length: lines }, (_, n) => `burst ${i} ${n} ${"x".repeat(150)}\n`);
    await speaker.write(burst.join(""));
  }));
  server.signal("SIGCONT");
  for (const seen of heard) assertEquals(await seen, Array(publishers).fill(lines));
  for (const each of [...readers, ...speakers]) each.abort();
  await Promise.allSettled(drained);
});

Deno.test("examples/tcp_listener.ts gives back letters that come in pieces", async () => {
  await using server = await startExample("tcp_listener", { PORT: 0 });
  await using client = await dial({ port: await portOfExample(server) });
  for (const byte of [0xc3, 0xbc, 0xff]) {
    await client.write(Uint8Array.of(byte));
    const [bytes] = await client.read(6, { timeoutInMillis });
    assertEquals([...bytes], [byte, ...new TextEncoder().encode(" back")]);
  }
  await client.close();
  await interrupt(server);
});

Deno.test("examples/json_server.ts calculates with numbers only", async () => {
  await using server = await startExample("json_server", { PORT: 0 });
  const port = await portOfExample(server);
  await using client = await dial({ port });
  const ask = async (params: string) => {
    await client.write(`{"id":1,"method":"multiply","params":${params}}\n`);
    return await client.readLine({ timeoutInMillis });
  };
  assertEquals(await ask("[1e300,1e300]"), '{"id":1,"error":"too large for a number"}');
  assertEquals(await ask("[2,3]"), '{"id":1,"result":6}');
  for (const params of ['["2"]', "[[2]]", "[null]", '[{"valueOf":1}]', '{"length":1}', "[1e999]"]) {
    await using other = await dial({ port });
    await other.write(`{"id":1,"method":"add","params":${params}}\n`);
    assertMatch(
      (await other.readLine({ timeoutInMillis }))!,
      /^{"id":null,"error":.*not a request"}$/,
    );
    assertEquals(await other.readLine({ timeoutInMillis }), undefined);
  }
  await interrupt(server);
});

Deno.test("examples/json_server.ts answers the longest request", async () => {
  await using server = await startExample("json_server", { PORT: 0 });
  await using client = await dial({ port: await portOfExample(server) });
  for (const letter of ["x", '"', "\0", "\ud800"]) {
    const request = (method: string) => JSON.stringify({ id: 1, method, params: [] });
    const perLetter = request(letter).length - request("").length;
    const method = letter.repeat((65_536 - request("").length) / perLetter);
    await client.write(`${request(method).padEnd(65_536)}\n`);
    const line = await client.readLine({ timeoutInMillis });
    assertEquals(JSON.parse(line!), { id: 1, error: `unknown method "${letter.repeat(50)}"` });
  }
  await interrupt(server);
});

Deno.test("examples/json_server.ts takes for an id only what it can give back", async () => {
  await using server = await startExample("json_server", { PORT: 0 });
  const port = await portOfExample(server);
  const ask = async (id: string) => {
    await using client = await dial({ port });
    await client.write(`{"id":${id},"method":"add","params":[1]}\n`);
    return (await client.readLine({ timeoutInMillis }))!;
  };
  for (const id of ["0", "-7", "9007199254740991"]) {
    assertEquals(await ask(id), `{"id":${id},"result":1}`);
  }
  const odd = ["1e999", "-1e999", "9007199254740993", "1.5", "null", "true", '"1"', "[1]", "{}"];
  for (const id of odd) assertMatch(await ask(id), /^{"id":null,"error":.*not a request"}$/, id);
  await interrupt(server);
});

Deno.test("examples/redis_server.ts runs no command that the others would have to wait for", async () => {
  await using server = await startExample("redis_server", { PORT: 0 });
  const port = await portOfExample(server);
  await using other = await dial({ port });
  const words = (count: number) => `*${count + 1}\r\n$3\r\nDEL\r\n${"$0\r\n\r\n".repeat(count)}`;
  const many = 170_000;
  for (
    const [command, why] of [
      [words(many), "too many items"],
      [`EXISTS${" a".repeat(500_000)}\r\n`, "too many items"],
      [`*${many}\r\n${"-\n".repeat(many)}`, "too many items"],
      [`*999\r\n${"-\n".repeat(999)}`, "nonsense"],
    ] as const
  ) {
    await using client = await dial({ port });
    void client.write(command);
    assertMatch(
      (await client.readLine({ timeoutInMillis }))!,
      new RegExp(`^-ERR Cannot decode: ${why}`),
    );
    client.abort();
    await other.write(words(999) + "PING\r\n");
    assertEquals(await other.readLine({ timeoutInMillis }), ":0");
    assertEquals(await other.readLine({ timeoutInMillis }), "+PONG");
  }
  await other.close();
  await interrupt(server);
});

Deno.test("examples/tcp_proxy.ts passes nothing on to itself", async () => {
  const port = await freePort();
  await using proxy = await startExample("tcp_proxy", { TARGET_PORT: port, PORT: port });
  const { code, stderr } = await proxy.ending();
  assertEquals(code, 1);
  assertMatch(stderr, /This would be passed on to itself for ever/);
});

Deno.test("examples/tcp_proxy.ts breaks on one side what has broken on the other", async () => {
  await using target = new Listener(0, { interface: "127.0.0.1" });
  await target.start();
  const arrivals = target[Symbol.asyncIterator]();
  await using proxy = await startExample("tcp_proxy", { TARGET_PORT: target.port, PORT: 0 });
  const port = await portOfExample(proxy);
  const pair = async () => {
    const resetOnAbort = true;
    const caller = await Client.connect({ host: "127.0.0.1", port, resetOnAbort });
    await caller.write("x");
    const { value } = await arrivals.next();
    await value!.read(1, { timeoutInMillis });
    return [caller, value!] as const;
  };
  const [resetting, broken] = await pair();
  resetting.abort();
  assertEquals((await broken.read(undefined, { timeoutInMillis }).catch(() => [0, -1]))[1], -1);
  const [caller, gone] = await pair();
  await caller.write("unread");
  gone.abort(); // with something unread: a reset
  assertEquals((await caller.read(undefined, { timeoutInMillis }).catch(() => [0, -1]))[1], -1);
  await Promise.all([resetting, broken, caller, gone].map((connection) => connection.close()));
  proxy.signal("SIGINT");
  assertEquals((await proxy.ending()).code, 0);
});

Deno.test("examples/tcp_proxy.ts lets answers arrive that are on their way when it is stopped", async () => {
  await using target = new Listener(0, { interface: "127.0.0.1" });
  await target.start();
  const arrivals = target[Symbol.asyncIterator]();
  await using proxy = await startExample("tcp_proxy", { TARGET_PORT: target.port, PORT: 0 });
  const port = await portOfExample(proxy);
  const ask = async () => {
    const caller = await dial({ port });
    await caller.write("ask");
    const { value } = await arrivals.next();
    await value!.read(3, { timeoutInMillis });
    return [caller, value!] as const;
  };
  const [idle, answered] = await ask();
  await answered.write("answer");
  await idle.read(6, { timeoutInMillis });
  const [asking, answering] = await ask();
  proxy.signal("SIGINT");
  // Who waits for nothing is told of the stop.
  assertEquals((await idle.read(1, { timeoutInMillis }))[1], -1);
  await answering.write("answer");
  assertEquals((await asking.read(6, { timeoutInMillis }))[1], 6);
  assertEquals((await asking.read(1, { timeoutInMillis }))[1], -1);
  await Promise.all([idle, answered, asking, answering].map((connection) => connection.close()));
  assertEquals((await proxy.ending()).code, 0);
});

for (const name of ["connect_proxy", "socks_proxy"]) {
  Deno.test(`examples/${name}.ts leaves nothing open for callers who go before they are told`, async () => {
    await using target = new Listener(0, { interface: "127.0.0.1" });
    let left = 0;
    await target.serve(async (caller) => {
      await caller.read(1, { timeoutInMillis: 3_000 }).catch(() => left++);
    });
    const [high, low] = [target.port >> 8, target.port & 255];
    const PASSWORD = "x";
    await using proxy = await startExample(name, { TARGET_PORT: target.port, PASSWORD, PORT: 0 });
    const port = await portOfExample(proxy);
    const request = name === "connect_proxy"
      ? `CONNECT 127.0.0.1:${target.port} HTTP/1.1\r\n\r\n`
      : Uint8Array.of(5, 1, 2, 1, 0, 1, 120, 5, 1, 0, 1, 127, 0, 0, 1, high, low);
    // Some of them go while it connects to the target.
    for (let i = 0; i < 200; i++) {
      const caller = await Client.connect({ host: "127.0.0.1", port, resetOnAbort: true });
      await caller.write(request);
      const until = performance.now() + i % 40 / 20;
      while (performance.now() < until);
      caller.abort();
    }
    const last = await Client.connect({ host: "127.0.0.1", port });
    await last.write(request);
    await last.read(1, { timeoutInMillis });
    await last.close();
    while (target.connections.size > 0) {
      await Promise.all(Array.from(target.connections, ({ closed }) => closed));
    }
    assert(target.stats().accepted > 1);
    assertEquals(left, 0);
    proxy.signal("SIGINT");
    assertEquals((await proxy.ending()).code, 0);
  });
}

Deno.test("examples/redis_server.ts obeys no request of a browser", async () => {
  await using server = await startExample("redis_server", { PORT: 0 });
  const port = await portOfExample(server);
  for (const first of ["POST / HTTP/1.1\r\nAccept: *\r\n", "PUT / HTTP/1.1\r\nHost: a\r\n"]) {
    await using browser = await dial({ port });
    await browser.write(`${first}Content-Length: 13\r\n\r\nSET a smuggled\r\n`);
    while ((await browser.read(undefined, { timeoutInMillis }).catch(() => [0, -1]))[1] !== -1);
  }
  await using client = await dial({ port });
  await client.write("GET a\r\n");
  assertEquals(await client.readLine({ timeoutInMillis }), "$-1");
  await interrupt(server);
});

Deno.test("examples/file_receiver.ts is not held up by senders that drip", () =>
  inFolder(async (folder) => {
    const FILE = `${folder}/file`;
    await using receiver = await startExample("file_receiver", { FILE, PORT: 0 });
    const port = await portOfExample(receiver);
    // Some are in the middle of a file's head, and one has its turn.
    const drips: Client[] = [];
    const large = "FILE\0\0\0\0\x10\0\0\0x";
    for (const begun of ["", "FI", "FI", large, large + "x".repeat(256 * 1024)]) {
      const drip = await dial({ port });
      drips.push(drip);
      if (begun !== "") await drip.write(begun);
    }
    const dripping = setInterval(() => {
      for (const drip of drips) void drip.write("\0");
    }, 50);
    try {
      await using sender = await dial({ port });
      await sender.write("FILE\0\0\0\0\0\0\0\x05hello");
      assertEquals((await sender.read(1, { timeoutInMillis: 5_000 }))[0][0], 0x35);
      assertEquals((await receiver.ending()).code, 0);
      assertEquals(await Deno.readTextFile(FILE), "hello");
    } finally {
      clearInterval(dripping);
      for (const drip of drips) drip.abort();
    }
  }));

Deno.test("examples/file_receiver.ts is not held up by senders that say nothing behind the head", () =>
  inFolder(async (folder) => {
    const FILE = `${folder}/file`;
    await using receiver = await startExample("file_receiver", { FILE, PORT: 0 });
    const port = await portOfExample(receiver);
    const silent: Client[] = [];
    for (let i = 0; i < 8; i++) {
      silent.push(await dial({ port }));
      await silent[i]!.write("FILE\0\0\0\0\x10\0\0\0" + "x".repeat(i));
    }
    try {
      await using sender = await dial({ port });
      await sender.write("FILE\0\0\0\0\0\0\0\x05hello");
      // One after the other they would be silent for 16 seconds.
      assertEquals((await sender.read(1, { timeoutInMillis: 8_000 }))[0][0], 0x35);
      assertEquals((await receiver.ending()).code, 0);
      assertEquals(await Deno.readTextFile(FILE), "hello");
    } finally {
      for (const connection of silent) connection.abort();
    }
  }));

Deno.test("examples/udp_echo.ts ends a conversation with another echo", async () => {
  await using server = await startExample("udp_echo", { PORT: 0 });
  const address = { host: "127.0.0.1", port: await portOfExample(server) };
  await using other = new UdpClient({ host: "127.0.0.1", port: 0 }, { readTimeoutInMillis: 1_000 });
  await other.sendTo("forged", address); // as if the server had asked
  let count = 0;
  try {
    for (; count < 20_000; count++) await other.sendTo((await other.receiveFrom())[0], address);
  } catch { /* it has ended */ }
  assert(count < 20_000, "they would go on for ever");
  // Another client is answered all the while.
  await using client = new UdpClient({ host: "127.0.0.1", port: 0 });
  await client.sendTo("honest", address);
  assertEquals((await client.receiveFrom(undefined, { timeoutInMillis }))[1], 6);
  await interrupt(server);
});

Deno.test("examples/udp_file_server.ts gives nobody more than they send", () =>
  inFolder(async (folder) => {
    const FILE = `${folder}/file`;
    await Deno.writeFile(FILE, new Uint8Array(2_000));
    await using server = await startExample("udp_file_server", { FILE, PORT: 0 });
    const remotePort = await portOfExample(server);
    await using client = new UdpClient(undefined, { remoteHost: "127.0.0.1", remotePort });
    const question = (length: number, number = 0) => {
      const bytes = new Uint8Array(length);
      new DataView(bytes.buffer).setUint32(0, number);
      return bytes;
    };
    for (const short of [4, 8, 1_031, 1_033]) await client.write(question(short));
    for (const beyond of [2, 0xffff_ffff]) await client.write(question(1_032, beyond));
    const answer = question(1_032);
    answer[7] = 2; // the count of pieces: two servers would answer each other for ever
    await client.write(answer);
    await client.write(question(1_032, 1));
    assertEquals((await client.read(undefined, { timeoutInMillis }))[1], 8 + 2_000 - 1_024);
    await interrupt(server);
  }));

Deno.test("examples/udp_file_client.ts does not believe in files of any size", () =>
  inFolder(async (folder) => {
    await using server = new UdpListener(0, { interface: "127.0.0.1" });
    server.attach({ onDatagram: () => new Uint8Array([0, 0, 0, 0, 255, 255, 255, 255, 1]) });
    await server.start();
    const words = { FILE: `${folder}/file`, PORT: server.port };
    await using client = await startExample("udp_file_client", words);
    const { code, stderr } = await client.ending();
    assertEquals(code, 1);
    assertMatch(stderr, /4294967295 pieces are too many/);
  }));

Deno.test("examples/udp_file_client.ts gives up when nothing but the same comes", () =>
  inFolder(async (folder) => {
    await using server = new UdpListener(0, { interface: "127.0.0.1" });
    const first = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 2, 1]);
    const timers = new Set<ReturnType<typeof setInterval>>();
    server.attach({
      onDatagram(caller, _datagram) {
        for (
          const useless of timers.size === 0 ? [first, "stray", new Uint8Array(9).fill(9)] : []
        ) {
          timers.add(setInterval(() => void caller.sendBytes(useless), 20));
        }
      },
    });
    await server.start();
    const words = { FILE: `${folder}/file`, PORT: server.port };
    await using client = await startExample("udp_file_client", words);
    const { code, stderr } = await client.ending();
    for (const timer of timers) clearInterval(timer);
    assertEquals(code, 1);
    assertMatch(stderr, /Nothing new came, though it was asked for again 10 times/);
  }));

Deno.test("examples/dns_lookup.ts believes the answer to its question only", async () => {
  await using server = new UdpListener(0, { interface: "127.0.0.1" });
  server.attach({
    async onDatagram(caller, { data }) {
      const end = data.indexOf(0, 12) + 5;
      const record = data[end - 3] === 1 ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4] : [];
      const answerOf = (last: number, change: (bytes: Uint8Array) => void) => {
        const address = record.length === 0 ? [] : [192, 0, 2, last];
        // The second record says that it has two bytes, which are no address.
        const cut = record.length === 0 ? [] : [...record.slice(0, -1), 2, 192, 0];
        const bytes = new Uint8Array([...data.subarray(0, end), ...record, ...address, ...cut]);
        bytes[2] = 0x85;
        bytes[7] = record.length === 0 ? 0 : 2;
        change(bytes);
        return bytes;
      };
      await caller.sendBytes("garbage");
      await caller.sendBytes(new Uint8Array(12).fill(255));
      await caller.sendBytes(answerOf(66, (bytes) => bytes[1]! ^= 1)); // another number
      await caller.sendBytes(answerOf(66, (bytes) => bytes[2] = 0x01)); // a question
      await caller.sendBytes(answerOf(66, (bytes) => bytes[13]! ^= 1)); // about another name
      await caller.sendBytes(answerOf(66, (bytes) => bytes[end - 3]! ^= 2)); // about another type
      await caller.sendBytes(answerOf(1, () => {}));
    },
  });
  await server.start();
  await using lookup = await startExample("dns_lookup", {
    NAME: "one.example.",
    PORT: server.port,
  });
  const { code, stdout, stderr } = await lookup.ending();
  assertEquals([code, stdout, stderr], [0, "one.example has address 192.0.2.1 for 9 s\n", ""]);
});

Deno.test("examples/dns_lookup.ts does not say that there is no address where nothing was said of it", async () => {
  await using server = new UdpListener(0, { interface: "127.0.0.1" });
  server.attach({
    onDatagram(_, { data }) {
      if (data[data.indexOf(0, 12) + 2] !== 1) return undefined; // nothing for AAAA
      data[2] = 0x87; // the answer for A is cut
      return data;
    },
  });
  await server.start();
  await using lookup = await startExample("dns_lookup", { NAME: "one.example", PORT: server.port });
  const { code, stdout, stderr } = await lookup.ending();
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^The answer was cut, .*\nNo answer from 127\.0\.0\.1\n$/);
});

Deno.test("examples/multicast_discovery.ts does not listen to whoever never ends", async () => {
  const PORT = await freePort();
  await using service = new UdpListener(PORT, { reuseAddress: true });
  let isOver = false;
  service.attach({
    async onDatagram(caller, _datagram) {
      while (!isOver) {
        await caller.sendBytes("I am \x1b[2J");
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    },
  });
  await service.start();
  await service.joinGroup("239.255.76.67", { interface: "127.0.0.1" });
  await using seeker = await startExample("multicast_discovery", { NAME: "", PORT });
  const { code, stdout } = await seeker.ending();
  isOver = true;
  assertEquals(code, 0);
  assertMatch(stdout, /^127\.0\.0\.1:\d+ says "I am \?\[2J"\n/);
  assertMatch(stdout, /\n\d+ found\n$/);
});

Deno.test("examples/prometheus.ts ends although somebody asks for its numbers without an end", async () => {
  await using server = await startExample("prometheus", { PORT: 0, METRICS_PORT: 0 });
  await portOfExample(server);
  const [, port] = await server.line(/^Metrics on http:\/\/127\.0\.0\.1:(\d+)\//);
  await using half = await Client.connect({ host: "127.0.0.1", port: Number(port) });
  await half.write("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nab");
  await half.read({ timeoutInMillis: 5_000 }); // it is being answered
  await interrupt(server);
});

Deno.test("examples/file_sender.ts sends nothing whose size is not known", async () => {
  await using sender = await startExample("file_sender", { FILE: "/dev/null", PORT: 9 });
  const { code, stderr } = await sender.ending();
  assertEquals(code, 1);
  assertMatch(stderr, /\/dev\/null is no regular file/);
});
