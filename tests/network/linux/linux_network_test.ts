import { assertEquals } from "@std/assert";
import { linuxNetwork } from "../../../linux/mod.ts";
import { linuxTest } from "../../support/linux_engine.ts";

linuxTest("linuxNetwork.isOwnAddress() knows the addresses of this machine", () => {
  assertEquals(linuxNetwork.isOwnAddress!("127.0.0.1"), true);
  assertEquals(linuxNetwork.isOwnAddress!("192.0.2.1"), false);
});
