// The clients of the TLS bench: this library's, Deno's own, and node:tls. Each is used as its users would.
import tls from "node:tls";
import { Client, type ClientSecureSocketConfig, TlsSessions } from "../../mod.ts";
import { writeAll } from "../servers/write_all.ts";

/** A secure stream. */
export interface Stream {
  /** Sends all of it; resolves when the system has it. */
  write(bytes: Uint8Array): Promise<unknown>;
  /** Waits for bytes; resolves with their count, 0 at the end. */
  read(): Promise<number>;
  /** Ends it. */
  close(): Promise<void>;
}

const hostname = "localhost";
const caCert = Deno.env.get("BENCH_TLS_CA")!;

const trusting = { caCerts: [caCert], serverName: hostname };
/** What a client does whose engine is node:tls; DENO_CERT has the authority, for only then Deno resumes sessions. */
const layered = { exposePeerCertificate: true, serverName: hostname };
const sessions = new TlsSessions();

async function dialOurs(
  port: number,
  isLent = false,
  secureSocket: ClientSecureSocketConfig = trusting,
): Promise<Stream> {
  const client = await Client.connect({ host: "127.0.0.1", port, secureSocket });
  const memory = new Uint8Array(65_536);
  return {
    write: (bytes) => client.write(bytes),
    async read() {
      const [, length] = await (isLent ? client.read(memory) : client.read());
      return Math.max(0, length);
    },
    close: () => client.close(),
  };
}

function streamOf(conn: Deno.TlsConn): Stream {
  const buffer = new Uint8Array(65_536);
  return {
    write: (bytes) => writeAll(conn, bytes),
    async read() {
      return await conn.read(buffer) ?? 0;
    },
    async close() {
      await conn.closeWrite();
      conn.close();
    },
  };
}

async function dialStartTls(port: number): Promise<Stream> {
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  tcp.setNoDelay(true);
  const conn = await Deno.startTls(tcp, { hostname, caCerts: [caCert] });
  await conn.handshake();
  return streamOf(conn);
}

async function dialConnectTls(port: number): Promise<Stream> {
  const conn = await Deno.connectTls({ hostname, port, caCerts: [caCert] });
  await conn.handshake();
  return streamOf(conn);
}

function dialNode(port: number): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const target = { host: "127.0.0.1", port, servername: hostname, ca: caCert };
    const socket = tls.connect(target, () => {
      let arrived = 0;
      let wake: ((count: number) => void) | undefined;
      socket.setNoDelay(true);
      socket.on("data", (chunk) => {
        arrived += chunk.length;
        tell();
      });
      const tell = () => {
        if (wake === undefined) return;
        wake(arrived);
        wake = undefined;
        arrived = 0;
      };
      socket.on("end", tell);
      resolve({
        write: (bytes) => new Promise((taken) => socket.write(bytes, taken)),
        read() {
          const there = arrived;
          arrived = 0;
          return there > 0 ? Promise.resolve(there) : new Promise((resolve) => wake = resolve);
        },
        close: () => new Promise((ended) => socket.end(ended)),
      });
    });
    socket.on("error", reject);
  });
}

/** How to connect, by the name that the bench calls it. */
export const dialers = {
  ours: (port: number) => dialOurs(port),
  lent: (port: number) => dialOurs(port, true),
  layered: (port: number) => dialOurs(port, false, layered),
  resumed: (port: number) => dialOurs(port, false, { ...layered, sessions }),
  startTls: dialStartTls,
  connectTls: dialConnectTls,
  node: dialNode,
};
