// For each line of its input, sends the same bytes to a port as fast as they are taken, until the input ends.
const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(Deno.args[0]) });
const frame = decodeURIComponent(Deno.args[1]!);
const bytes = new TextEncoder().encode(frame.repeat(65_536 / frame.length));
let taken = 0;
void Deno.stdin.read(new Uint8Array(1)).then(() => {
  console.log(JSON.stringify({ taken }));
  Deno.exit(0);
});
console.log("{}");
for (;;) {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  taken += bytes.length;
}
