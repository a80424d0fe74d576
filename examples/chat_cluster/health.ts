// What HAProxy and people ask a process of the chat: is it alive, does it want guests, what has it done?

/** What a process answers. */
export interface Health {
  /** Whether it wants new guests. */
  isReady(): boolean;
  /** Its counts. */
  stats(): unknown;
}

/** Answers `/livez`, `/readyz` and `/stats`. */
export function answerHealth(hostname: string, port: number, health: Health): Deno.HttpServer {
  return Deno.serve({ hostname, port, onListen() {} }, (request) => {
    switch (URL.parse(request.url)?.pathname) {
      case "/livez":
        return new Response("alive\n");
      case "/readyz":
        return health.isReady()
          ? new Response("ready\n")
          : new Response("not ready\n", { status: 503 });
      case "/stats":
        return Response.json(health.stats());
      default:
        return new Response(null, { status: 404 });
    }
  });
}
