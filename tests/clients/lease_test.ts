import { assertEquals, assertThrows } from "@std/assert";
import { Lease } from "../../src/clients/lease.ts";
import { Pooled } from "../../src/clients/pooled.ts";
import { Client } from "../../mod.ts";
import { listen, served } from "../support/simulated_server.ts";

Deno.test("Lease gives its connection until it is given back, once", () =>
  served(listen, async ({ place }) => {
    const client = await Client.connect(place);
    const returned: boolean[] = [];
    const host = {
      onReturn(_lease: unknown, _pooled: unknown, isDirty: boolean) {
        returned.push(isDirty);
        return Promise.resolve();
      },
    };
    const pooled = new Pooled(client, "session");
    const kept = new Lease(host, pooled);
    {
      await using lease = kept;
      assertEquals([lease.connection === client, lease.session], [true, "session"]);
    }
    assertThrows(() => kept.connection, Error, "Cannot use the lease: already closed");
    assertThrows(() => kept.session, Error, "already closed");
    await kept.release();
    await kept.discard();
    await new Lease(host, pooled).discard();
    assertEquals(returned, [false, true]);
    await client.close();
  }));
