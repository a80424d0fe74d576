import { assert, assertEquals, assertRejects } from "@std/assert";
import { ReconnectingClient } from "../../clients.ts";
import { calmly, echo, served } from "../support/simulated_server.ts";

/** A rest of a hundredth of a millisecond. */
const NOW = { redialDelayInMillis: 1, maxRedialDelayInMillis: 1, random: () => 0.01 };

Deno.test("ReconnectingClient.stats() counts its dials, and the bytes of all its connections", () =>
  served(echo, async ({ place, callers }) => {
    const client = new ReconnectingClient({ ...place, ...NOW });
    assertEquals(client.stats(), {
      dials: 1,
      failures: 0,
      connections: 0,
      bytesRead: 0,
      bytesWritten: 0,
    });
    for (const content of ["one", "other"]) {
      const connection = await client.ready();
      await connection.write(content);
      await connection.read(content.length);
      if (content === "other") break;
      callers[0]!.abort();
      await connection.closed;
    }
    const stats = client.stats();
    assert(Object.isFrozen(stats));
    assertEquals(stats, { dials: 2, failures: 0, connections: 2, bytesRead: 8, bytesWritten: 8 });
    await client.close();
    assertEquals(client.stats(), stats);
  }));

Deno.test("ReconnectingClient.stats() counts what failed, by whatever", () =>
  calmly(async (net) => {
    const client = new ReconnectingClient({
      host: "nobody.invalid",
      port: 80,
      network: net.host("client"),
      ...NOW,
      maxAttempts: 3,
    });
    await assertRejects(() => client.ready(), Error);
    const { dials, failures, connections } = client.stats();
    assertEquals([dials, failures, connections], [3, 3, 0]);
  }));

Deno.test("ReconnectingClient.stats() counts an onUp that fails, and no dial that was given up", () =>
  served(echo, async ({ place }) => {
    const client = new ReconnectingClient({
      ...place,
      ...NOW,
      maxAttempts: 2,
      onUp: () => Promise.reject(new Error("no login")),
    });
    await assertRejects(() => client.ready(), Error);
    assertEquals(client.stats().failures, 2);
    const other = new ReconnectingClient({ ...place, ...NOW });
    await other.close();
    const { dials, failures, connections } = other.stats();
    assertEquals([dials, failures, connections], [1, 0, 0]);
  }));
