import { assertEquals } from "@std/assert";
import { DIAL_OPTIONS } from "../../src/clients/dial_options.ts";
import { CLIENT_OPTIONS } from "../../src/connection/client_config.ts";

Deno.test("DIAL_OPTIONS are those of a client, but what belongs to one attempt or one reader", () => {
  const left = CLIENT_OPTIONS.filter((name) => !(DIAL_OPTIONS as readonly string[]).includes(name));
  assertEquals(left.sort(), ["callbackService", "signal"]);
});
