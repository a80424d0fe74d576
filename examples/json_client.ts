// Asks json_server.ts several things at once; each reply finds its question by the id.
// Run: deno run --allow-net=127.0.0.1 examples/json_client.ts [PORT]

import { Client, framed, JsonLinesCodec } from "../mod.ts";
import { printable } from "./printable.ts";

interface Request {
  readonly id: number;
  readonly method: string;
  readonly params: readonly number[];
}

interface Reply {
  readonly id: number | null;
  readonly result?: number;
  readonly error?: string;
}

/** What a server sends may be anything: nobody could wait for what is not one of these. */
function check(value: unknown): Reply {
  const { id, result, error } = (value ?? {}) as Partial<Reply>;
  const isReply = (id === null || typeof id === "number") &&
    (typeof error === "string" || error === undefined && typeof result === "number");
  if (!isReply) throw new TypeError("not a reply");
  return value as Reply;
}

const port = Number(Deno.args[0] ?? 61608);
const client = await Client.connect({ host: "127.0.0.1", port });
await using messages = framed(client, new JsonLinesCodec<Reply, Request>({ check }));

const asked = new Map<number | null, PromiseWithResolvers<number>>();
let lastId = 0;

function ask(method: string, ...params: number[]): Promise<number> {
  const id = ++lastId;
  const answer = Promise.withResolvers<number>();
  asked.set(id, answer);
  messages.send({ id, method, params }).catch(answer.reject);
  return answer.promise;
}

async function listen(): Promise<void> {
  for await (const { id, result, error } of messages) {
    const answer = asked.get(id);
    asked.delete(id);
    if (error === undefined) answer?.resolve(result!);
    else answer?.reject(new Error(error));
  }
}

const ending = listen().catch((error) => error).then((error) => {
  if (asked.size > 0) Deno.exitCode = 1;
  for (const { reject } of asked.values()) reject(error ?? new Error("The server has ended"));
  // Nobody reads any more: whoever asks after this is refused, too.
  return messages.close();
});

const questions: [string, ...number[]][] = [["add", 1, 2], ["multiply", 3, 4], ["divide", 1, 0]];
const answers = await Promise.allSettled(questions.map((question) => ask(...question)));
for (const [i, answer] of answers.entries()) {
  const [method, ...params] = questions[i]!;
  const said = answer.status === "fulfilled" ? answer.value : answer.reason.message;
  console.log(`${method}(${params.join(", ")}): ${printable(String(said))}`);
}

await messages.close();
await ending;
