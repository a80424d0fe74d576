// Connects many times to a port and resets each connection at once. Arguments: the port, how many.

import { connect } from "node:net";

const port = Number(Deno.args[0]);
let left = Number(Deno.args[1]);
for (let i = left; i > 0; i--) {
  const socket = connect(port, "127.0.0.1", () => socket.resetAndDestroy());
  socket.on("close", () => {
    if (--left === 0) console.log("All were reset");
  });
}
