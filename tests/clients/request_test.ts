import { assertEquals } from "@std/assert";
import { Request } from "../../src/clients/request.ts";

Deno.test("Request stops listening to its signal, however it ends", () => {
  const heard: unknown[] = [];
  const make = () => {
    const request = new Request<string, string>(
      "x",
      undefined,
      1,
      (answer) => heard.push(answer),
      (error) => heard.push(error),
    );
    request.release = () => heard.push("released");
    return request;
  };
  make().succeed("answer");
  const failed = make();
  failed.fail("error");
  assertEquals(heard, ["released", "answer", "released", "error"]);
  assertEquals(failed.isGivenUp, true);
});
