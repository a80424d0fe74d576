// How examples/many_cores.ts starts one of its processes.

const file = new URL("many_cores_worker.ts", import.meta.url).pathname;
const flags = ["--quiet", "--unstable-net", "--allow-net=127.0.0.1"];

/** What all that have ended have done together. */
export interface Sum {
  messages: number;
  accepted: number;
}

/** Starts a process, and waits until it listens. */
export async function start(onPort: number, sum: Sum) {
  const args = ["run", ...flags, file, String(onPort)];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await lines.read();
  if (value === undefined) throw new Error("A process has ended before it was ready");
  const ended = lines.read().then(async ({ value }) => {
    const { messages = 0, accepted = 0 } = JSON.parse(value ?? "{}");
    sum.messages += messages;
    sum.accepted += accepted;
    await child.status; // what it has said last is not yet its end
  });
  const { port } = JSON.parse(value) as { port: number };
  return { child, port, ended, isWanted: true };
}
