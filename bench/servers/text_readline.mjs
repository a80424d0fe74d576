// Lines by node:readline, run by Node and by Deno.
import net from "node:net";
import readline from "node:readline";
import { ready } from "./control.mjs";

const server = net.createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => {});
  const lines = readline.createInterface({ input: socket });
  lines.on("error", () => {});
  lines.on("line", (line) => socket.write(`${line}\n`));
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => ready(server.address().port));
