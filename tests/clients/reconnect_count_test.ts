import { assertEquals } from "@std/assert";
import { ReconnectingClient } from "../../clients.ts";
import { registerFakeOtel } from "../support/fake_otel.ts";
import { listen, served } from "../support/simulated_server.ts";

const NOW = { redialDelayInMillis: 1, maxRedialDelayInMillis: 1, random: () => 0.01 };

Deno.test("telemetry counts what a ReconnectingClient connects after its first connection", async () => {
  using otel = registerFakeOtel();
  const reconnects = () =>
    Object.entries(otel.collect()).filter(([name]) => name.startsWith("socket.client.reconnects"));
  await served(listen, async ({ place, callers }) => {
    const quiet = new ReconnectingClient({ ...place, ...NOW });
    const client = new ReconnectingClient({ ...place, ...NOW, telemetry: true });
    await Promise.all([quiet.ready(), client.ready()]);
    assertEquals(reconnects(), []);
    for (let i = 1; i <= 3; i++) {
      const [one, other] = [quiet.connection!, client.connection!];
      for (const caller of [...callers]) caller.abort();
      await Promise.all([one.closed, other.closed]);
      await Promise.all([quiet.ready(), client.ready()]);
      const [[name, value], ...more] = reconnects() as [[string, number]];
      const about = JSON.parse(name.slice(name.indexOf("{")));
      assertEquals([value, more], [i, []]);
      assertEquals([about["network.transport"], about["server.port"]], ["tcp", place.port]);
    }
    await Promise.all([quiet.close(), client.close()]);
    // A counter stays what it was.
    assertEquals(reconnects().map(([, value]) => value), [3]);
  });
});
