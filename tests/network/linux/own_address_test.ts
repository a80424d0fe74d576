import { assertEquals } from "@std/assert";
import { isOwnAddress, mayAnswerFrom } from "../../../src/network/linux/own_address.ts";
import { linuxTest } from "../../support/linux_engine.ts";

linuxTest("isOwnAddress() knows the addresses of this machine", () => {
  assertEquals(isOwnAddress("127.0.0.1"), true);
  assertEquals(isOwnAddress("192.0.2.1"), false);
});

linuxTest("mayAnswerFrom() knows those from which an answer may leave", () => {
  const known = [[127, 0, 0, 5], [127, 0, 0, 1], [192, 0, 2, 1], [239, 255, 76, 9]];
  const all = [[127, 255, 255, 255], [255, 255, 255, 255]];
  const may = [...known, ...all].map((bytes) =>
    mayAnswerFrom(new Int32Array(new Uint8Array(bytes).buffer)[0]!)
  );
  assertEquals(may, [true, true, false, false, false, false]);
});
