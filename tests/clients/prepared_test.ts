import { assertEquals, assertRejects } from "@std/assert";
import { calledFor, dialPrepared, endOf } from "../../src/clients/prepared.ts";
import { Client } from "../../mod.ts";
import { assertCode } from "../support/assert_code.ts";
import { listen, served } from "../support/simulated_server.ts";

const { signal } = new AbortController();

Deno.test("dialPrepared() gives the connection and what was made of it", () =>
  served(listen, async ({ net, place }) => {
    const preparation = { clock: net.clock, name: "onUp", timeoutInMillis: 100, prepare: () => 7 };
    const [client, prepared] = await dialPrepared(place, preparation, signal);
    assertEquals([client instanceof Client, prepared], [true, 7]);
    await client.close();
    const nothing = { ...preparation, prepare: undefined };
    const [other, none] = await dialPrepared(place, nothing, signal);
    assertEquals(none, undefined);
    await other.close();
  }));

Deno.test("dialPrepared() leaves nothing open where it fails", () =>
  served(listen, async ({ net, place }) => {
    const made: Client[] = [];
    const hang = (client: Client) => new Promise((_) => made.push(client));
    const preparation = { clock: net.clock, name: "onUp", timeoutInMillis: 100, prepare: hang };
    await assertCode("timed-out", dialPrepared(place, preparation, signal));
    const controller = new AbortController();
    const reason = new Error("no more");
    const dialling = dialPrepared(place, preparation, controller.signal);
    await net.delay(1);
    controller.abort(reason);
    assertEquals(await assertRejects(() => dialling, Error), reason);
    assertEquals((await made[1]!.closed)?.cause, reason);
    const closing = { ...preparation, prepare: (client: Client) => client.close() };
    const error = await assertCode("broken", dialPrepared(place, closing, signal));
    assertEquals(error.message, "Connection ended: it was closed");
  }));

Deno.test("calledFor() ends with the connection", () =>
  served(listen, async ({ net, place, callers }) => {
    const client = await Client.connect(place);
    const never = () => new Promise(() => {});
    const preparation = {
      clock: net.clock,
      name: "isHealthy",
      timeoutInMillis: Infinity,
      prepare: never,
    };
    const called = calledFor(client, preparation, signal);
    void client.signal;
    await net.delay(1);
    callers[0]!.abort();
    await client.closed;
    await assertCode("broken", called);
    assertEquals(endOf(client).code, "broken");
  }));
