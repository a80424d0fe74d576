// node:tls, run by Node and by Deno.
import process from "node:process";
import tls from "node:tls";
import { ready } from "./control.mjs";
import { echo } from "./echo_socket.mjs";
import { AMOUNT, chunkOf, HALF, identity, MESSAGE } from "./tls_parts.mjs";

function listen(serve) {
  const server = tls.createServer({ ...identity(), noDelay: true }, (socket) => {
    socket.on("error", () => {});
    serve(socket);
  });
  server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => ready(server.address().port));
}

function sink(socket) {
  let received = 0;
  socket.on("data", (chunk) => {
    for (received += chunk.length; received >= AMOUNT; received -= AMOUNT) socket.write(HALF);
  });
}

function source(socket) {
  let missing = 0;
  let isWaiting = false;
  let chunk;
  const send = () => {
    for (; missing > 0 && !isWaiting; missing -= chunk.length) {
      if (socket.write(chunk)) continue;
      isWaiting = true;
      socket.once("drain", () => {
        isWaiting = false;
        send();
      });
    }
  };
  socket.on("data", (request) => {
    missing += request.length * AMOUNT;
    chunk = chunkOf(request[0]);
    send();
  });
}

function answering(answers) {
  return (socket) => {
    let received = 0;
    const send = (i) => {
      if (i < answers.length) socket.write(answers[i], () => send(i + 1));
    };
    socket.on("data", (chunk) => {
      received += chunk.length;
      if (received < MESSAGE.length) return;
      received -= MESSAGE.length;
      send(0);
    });
  };
}

const roles = {
  echo: () => listen(echo),
  sink: () => listen(sink),
  source: () => listen(source),
  whole: () => listen(answering([MESSAGE])),
  halves: () => listen(answering([HALF, HALF])),
};
roles[process.argv[2]]();
