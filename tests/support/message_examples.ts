// Tests of the examples that exchange messages: Redis, MQTT, HTTP and JSON lines.

import { assertEquals, assertMatch } from "@std/assert";
import type { Client } from "../../mod.ts";
import { dial } from "./dial.ts";
import { interrupt, portOfExample, startExample } from "./example.ts";

const decoder = new TextDecoder();

async function readUntil(client: Client, end: string): Promise<string> {
  const [bytes] = await client.readUntil(end, { timeoutInMillis: 10_000 });
  return decoder.decode(bytes);
}

/** A test for each of them. */
export const messageExamples: Record<string, () => Promise<void>> = {
  async redis_server() {
    await using server = await startExample("redis_server", { PORT: 0 });
    const port = await portOfExample(server);
    await using client = await dial({ port });
    await client.write("SET n 41\r\nINCR n\r\n*2\r\n$3\r\nGET\r\n$1\r\nn\r\nQUIT\r\nPING\r\n");
    assertEquals(await readUntil(client, "42\r\n+OK\r\n"), "+OK\r\n:42\r\n$2\r\n42\r\n+OK\r\n");
    assertEquals((await client.read())[1], -1);
    // Garbage is answered, and ends its connection.
    await using other = await dial({ port });
    await other.write("PING\r\n*x\r\n");
    assertMatch(await readUntil(other, "byte 10\r\n"), /^\+PONG\r\n-ERR Cannot decode: .*\r\n$/);
    assertEquals((await other.read())[1], -1);
    await interrupt(server);
  },

  async mqtt_broker() {
    await using server = await startExample("mqtt_broker", { PORT: 0 });
    await using client = await dial({ port: await portOfExample(server) });
    // Greets, subscribes to "a", and publishes "hi" there.
    await client.write("\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0");
    await client.write(Uint8Array.of(0x82, 6, 0, 1, 0, 1, 0x61, 0));
    await client.write("\x32\x07\0\x01a\0\x02hi");
    const [answers] = await client.read(20, { timeoutInMillis: 10_000 });
    assertEquals([...answers], [
      ...[0x20, 2, 0, 0],
      ...[0x90, 3, 0, 1, 0],
      ...[0x30, 5, 0, 1, 0x61, 0x68, 0x69],
      ...[0x40, 2, 0, 2],
    ]);
    await interrupt(server);
  },

  async http_echo() {
    await using server = await startExample("http_echo", { PORT: 0 });
    await using client = await dial({ port: await portOfExample(server) });
    const head = (length: number, more = "") =>
      "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n" +
      `content-length: ${length}\r\n${more}\r\n`;
    await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    assertEquals(await readUntil(client, "hello"), `${head(5)}hello`);
    await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    const last = head(0, "connection: close\r\n");
    assertEquals(await readUntil(client, last), head(0) + last);
    assertEquals((await client.read())[1], -1);
    await interrupt(server);
  },

  async json_server() {
    await using server = await startExample("json_server", { PORT: 0 });
    await using client = await dial({ port: await portOfExample(server) });
    await client.write(
      '{"id":1,"method":"add","params":[2,3]}\n\n{"id":2,"method":"x","params":[]}\n',
    );
    const replies = '{"id":1,"result":5}\n{"id":2,"error":"unknown method \\"x\\""}\n';
    assertEquals(await readUntil(client, '"}\n'), replies);
    await client.write("[]\n");
    const refusal = "Cannot decode: the line at byte 74 was refused: not a request";
    assertEquals(JSON.parse(await readUntil(client, "\n")), { id: null, error: refusal });
    assertEquals((await client.read())[1], -1);
    await interrupt(server);
  },

  async json_client() {
    await using server = await startExample("json_server", { PORT: 0 });
    const port = await portOfExample(server);
    await using client = await startExample("json_client", { PORT: port });
    const { code, stdout, stderr } = await client.ending();
    assertEquals([code, stderr], [0, ""]);
    assertEquals(
      stdout,
      'add(1, 2): 3\nmultiply(3, 4): 12\ndivide(1, 0): unknown method "divide"\n',
    );
    await interrupt(server);
  },
};
