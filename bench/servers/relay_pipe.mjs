// Passes every connection on to a port of this machine, by pipe.
import net from "node:net";
import process from "node:process";
import { ready } from "./control.mjs";

const target = { host: "127.0.0.1", port: Number(process.argv[2]), noDelay: true };
const options = { noDelay: true, allowHalfOpen: true };
const server = net.createServer(options, (caller) => {
  const onwards = net.connect({ ...target, allowHalfOpen: true });
  for (const socket of [caller, onwards]) {
    socket.on("error", () => {
      caller.destroy();
      onwards.destroy();
    });
  }
  caller.pipe(onwards).pipe(caller);
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => ready(server.address().port));
