// What the examples do that show what goes on.

import { assertEquals, assertMatch } from "@std/assert";
import { dial } from "./dial.ts";
import { interrupt, portOfExample, startExample } from "./example.ts";

export const observedExamples: Record<string, () => Promise<void>> = {
  async connection_log() {
    await using server = await startExample("connection_log", { PORT: 0 });
    const client = await dial({ port: await portOfExample(server) });
    await client.write("hello");
    await client.read(5);
    const { localPort } = client;
    await client.close();
    const [line] = await server.line(/^\{.*\}$/);
    const { time, id, durationInMillis, localAddress, ...rest } = JSON.parse(line);
    assertEquals([new Date(time).toISOString(), localAddress], [time, "127.0.0.1"]);
    assertEquals([Number.isInteger(id), durationInMillis >= 0], [true, true]);
    assertEquals({ ...rest, localPort: 1 }, {
      kind: "ended",
      side: "listener",
      transport: "tcp",
      remoteAddress: "127.0.0.1",
      remotePort: localPort,
      localPort: 1,
      by: "peer",
      bytesRead: 5,
      bytesWritten: 5,
    });
    await interrupt(server);
  },

  async prometheus() {
    await using server = await startExample("prometheus", { PORT: 0, METRICS_PORT: 0 });
    const port = await portOfExample(server);
    const [, url] = await server.line(/^Metrics on (.*)$/);
    const client = await dial({ port });
    await client.write("hello");
    await client.read(5);
    const response = await fetch(url!);
    assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4");
    const text = await response.text();
    assertMatch(text, /^# TYPE socket_connections gauge\nsocket_connections 1$/m);
    assertMatch(text, /^socket_bytes_total\{direction="received"\} 5$/m);
    await client.close();
    await interrupt(server);
  },
};
