// Connections that are held, and idle after one question each: says how many there are at two numbers of them, and
// waits for a line each time.
//
//   held.ts HOST PORT plain|tls|chat FIRST ALL
// TLS trusts BENCH_TLS_CA.
const [hostname, port, kind, ...counts] = Deno.args;
const [first, all] = counts.map(Number) as [number, number];
const ca = Deno.env.get("BENCH_TLS_CA");
const to = { hostname: hostname!, port: Number(port) };
const held: Deno.Conn[] = [];

/** Whoever is asked may be starting. */
async function hold(i: number): Promise<void> {
  for (let triesLeft = 100;; triesLeft--) {
    try {
      return await dial(i);
    } catch (error) {
      if (triesLeft === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function dial(i: number): Promise<void> {
  const conn = kind === "tls"
    ? await Deno.connectTls({ ...to, hostname: "localhost", caCerts: ca === undefined ? [] : [ca] })
    : await Deno.connect(to);
  try {
    const says = kind === "chat" ? `/join idle${i % (all / 20) | 0}\n` : "x";
    await conn.write(new TextEncoder().encode(says));
    if (await conn.read(new Uint8Array(256)) === null) throw new Error("It was ended");
    held.push(conn);
  } catch (error) {
    conn.close();
    throw error;
  }
}

async function hasHeld(): Promise<void> {
  console.log(JSON.stringify({ held: held.length }));
  await Deno.stdin.read(new Uint8Array(64));
}

for (let i = 0; i < all; i++) {
  await hold(i);
  if (i + 1 === first) await hasHeld();
}
await hasHeld();
Deno.exit();
