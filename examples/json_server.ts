// Answers requests in JSON lines, one on each line: {"id":1,"method":"add","params":[2,3]}.
// Run: deno run --allow-net=127.0.0.1 examples/json_server.ts [PORT]

import { framedService, JsonLinesCodec, Listener } from "../mod.ts";

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

/** Checks that what a stranger sends is a request. */
function check(value: unknown): Request {
  const { id, method, params } = value as Partial<Request>;
  // An id must be sent back exactly as it arrived, or the client cannot find its question.
  const isRequest = typeof id === "number" && Number.isSafeInteger(id) &&
    typeof method === "string" &&
    Array.isArray(params) && params.every(Number.isFinite);
  if (!isRequest) throw new TypeError("not a request");
  return { id, method, params };
}

const methods = new Map<string, (numbers: readonly number[]) => number>([
  ["add", (numbers) => numbers.reduce((sum, number) => sum + number, 0)],
  ["multiply", (numbers) => numbers.reduce((product, number) => product * number, 1)],
]);

const port = Number(Deno.args[0] ?? 61608);
const listener = new Listener(port, { interface: "127.0.0.1" });

listener.attach(
  framedService(new JsonLinesCodec<Request, Reply>({ check, maxFrameLength: 65_536 }), {
    onMessage(_caller, { id, method, params }) {
      const result = methods.get(method)?.(params);
      // Not all of it: the reply might be longer than the request, and too long, which ends the connection.
      if (result === undefined) return { id, error: `unknown method "${method.slice(0, 50)}"` };
      return Number.isFinite(result) ? { id, result } : { id, error: "too large for a number" };
    },
    onError: (caller, error) => void caller.send({ id: null, error: error.message }),
  }),
);

await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
