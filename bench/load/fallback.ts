// The load generator where there is no C compiler or no epoll: the same options, the same line of JSON. It is
// slower than most servers, so it measures the server's processor time, hardly the rate.
import {
  answered,
  asked,
  closeWindow,
  measure,
  openWindow,
  rest,
  run,
} from "./fallback_figures.ts";

const BULK_SIZE = 256 * 1024;
const message = new Uint8Array(asked.size).fill(97);
message[asked.size - 1] = 10;

async function connect(): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: asked.port });
  conn.setNoDelay(true);
  return conn;
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** Reads a whole message; false at the end of the stream. */
async function readMessage(conn: Deno.Conn, buffer: Uint8Array): Promise<boolean> {
  for (let at = 0; at < asked.size;) {
    const length = await conn.read(buffer.subarray(0, asked.size - at));
    if (length === null) return false;
    at += length;
  }
  return true;
}

async function pingPong(index: number, heard: () => void, everybody: Promise<void>): Promise<void> {
  const conn = await connect();
  const buffer = new Uint8Array(65_536);
  await writeAll(conn, message);
  if (!await readMessage(conn, buffer)) throw new Error("The server ended a connection");
  heard();
  await everybody;
  const stamps = new Array<number>(asked.flight).fill(performance.now());
  run.counts[index] = 0;
  let done = 0, received = 0, writing = Promise.resolve();
  run.waiting.push(() => stamps[done % asked.flight]!);
  const send = (count: number) => {
    const bytes = new Uint8Array(count * asked.size);
    for (let i = 0; i < count; i++) bytes.set(message, i * asked.size);
    writing = writing.then(() => writeAll(conn, bytes));
  };
  send(asked.flight);
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) throw new Error("The server ended a connection");
    received += length;
    if (run.measuring) run.bytes += length;
    const whole = Math.floor(received / asked.size);
    if (whole === 0) continue;
    received -= whole * asked.size;
    for (let i = 0; i < whole; i++) {
      answered(stamps[done % asked.flight]!, index);
      stamps[done++ % asked.flight] = performance.now();
    }
    send(whole);
  }
}

async function bulk(whenDone: () => void): Promise<void> {
  const conn = await connect();
  const out = new Uint8Array(BULK_SIZE).fill(98), buffer = new Uint8Array(BULK_SIZE);
  const total = asked.total === 0 ? Infinity : asked.total;
  const write = async () => {
    for (let sent = 0; sent < total; sent += BULK_SIZE) await writeAll(conn, out);
  };
  const read = async () => {
    for (let received = 0; received < total;) {
      const length = await conn.read(buffer);
      if (length === null) throw new Error("The server ended a connection");
      received += length;
      if (run.measuring) run.bytes += length;
    }
  };
  await Promise.all([write(), read()]);
  whenDone();
}

async function streams(): Promise<never> {
  let unheard = asked.connections;
  const everybody = Promise.withResolvers<void>();
  if (unheard === 0) everybody.resolve();
  for (let i = 0; i < asked.connections; i++) {
    void pingPong(i, () => --unheard || everybody.resolve(), everybody.promise);
  }
  await Promise.race([everybody.promise, rest(5000)]);
  everybody.resolve();
  if (asked.total > 0) openWindow();
  const done: Promise<void>[] = [];
  for (let i = 0; i < asked.streams; i++) done.push(new Promise((resolve) => void bulk(resolve)));
  if (asked.total === 0) return await measure();
  await Promise.all(done);
  closeWindow();
}

async function churn(): Promise<never> {
  const one = async () => {
    const buffer = new Uint8Array(asked.size);
    for (;;) {
      const begun = performance.now();
      try {
        using conn = await connect();
        await writeAll(conn, message);
        const whole = await readMessage(conn, buffer);
        await conn.closeWrite();
        while (await conn.read(buffer) !== null);
        if (whole) answered(begun);
        else if (run.measuring) run.failed++;
      } catch {
        if (run.measuring) run.failed++;
      }
    }
  };
  for (let i = 0; i < asked.connections; i++) void one();
  return await measure();
}

async function broadcast(): Promise<never> {
  const conns = await Promise.all(Array.from({ length: asked.connections }, connect));
  const missing = new Array<number>(conns.length).fill(0);
  let waiting = 0, all = Promise.withResolvers<boolean>();
  conns.forEach(async (conn, i) => {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const length = await conn.read(buffer);
      if (length === null) throw new Error("The server ended a connection");
      const before = missing[i]!;
      missing[i] = before - length;
      if (before > 0 && before <= length && --waiting === 0) all.resolve(true);
    }
  });
  const tellEverybody = async (patience: number) => {
    all = Promise.withResolvers();
    waiting = conns.length;
    missing.fill(asked.size);
    const timer = setTimeout(() => all.resolve(false), patience);
    await writeAll(conns[0]!, message);
    const heard = await all.promise;
    clearTimeout(timer);
    return heard;
  };
  // The server may not have accepted all of them yet: send it until all get it.
  let tries = 0;
  while (!await tellEverybody(500)) {
    if (++tries === 30) throw new Error("The broadcast does not reach everybody");
  }
  void measure();
  for (;;) {
    const begun = performance.now();
    if (!await tellEverybody(10_000)) throw new Error("A broadcast was lost");
    for (let i = 0; i < conns.length; i++) answered(begun);
  }
}

async function idle(): Promise<never> {
  const buffer = new Uint8Array(asked.size), line = new Uint8Array(64);
  const echo = async (conn: Deno.Conn) => {
    await writeAll(conn, message);
    if (!await readMessage(conn, buffer)) throw new Error("A held connection was ended");
  };
  const conns: Deno.Conn[] = [];
  openWindow();
  run.measuring = false;
  while (conns.length < asked.connections) {
    const conn = await connect();
    await echo(conn);
    conns.push(conn);
    if (conns.length !== asked.base && conns.length !== asked.connections) continue;
    console.log(JSON.stringify({ held: conns.length }));
    await Deno.stdin.read(line);
  }
  run.measuring = true;
  for (const conn of conns) {
    const begun = performance.now();
    await echo(conn);
    answered(begun);
    run.held++;
  }
  closeWindow();
}

async function datagrams(): Promise<never> {
  const to = { transport: "udp", hostname: "127.0.0.1", port: asked.port } as const;
  for (let i = 0; i < asked.connections; i++) {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const stamps = new Map<number, number>(), buffer = new Uint8Array(65_536);
    let next = 0,
      highest = 0,
      heard = performance.now(),
      sending: Promise<unknown> = Promise.resolve();
    run.counts[i] = 0;
    const fill = () => {
      while (stamps.size < asked.flight) {
        const bytes = message.slice();
        new DataView(bytes.buffer).setUint32(0, next);
        stamps.set(next++, performance.now());
        sending = sending.then(() => socket.send(bytes, to));
      }
    };
    setInterval(() => {
      if (performance.now() - heard < 500) return;
      if (run.measuring) run.lost += stamps.size;
      stamps.clear();
      heard = performance.now();
      fill();
    }, 50);
    const receive = async () => {
      for (;;) {
        const [bytes] = await socket.receive(buffer);
        const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
        const begun = stamps.get(number);
        if (begun === undefined) continue;
        stamps.delete(number);
        heard = performance.now();
        if (run.measuring && number < highest) run.disordered++;
        highest = Math.max(highest, number);
        if (run.measuring) run.bytes += bytes.length;
        answered(begun, i);
        fill();
      }
    };
    void receive();
    fill();
  }
  return await measure();
}

const works = new Map(Object.entries({ streams, churn, broadcast, idle, datagrams }));
const work = works.get(asked.mode);
if (work === undefined) throw new TypeError(`There is no such mode: ${asked.mode}`);
// The generator ends whatever a server does, within this limit.
Deno.unrefTimer(setTimeout(() => Deno.exit(1), asked.warm + asked.time + 120_000));
await work();
