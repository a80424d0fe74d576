// What a supervisor asks: whether the program is alive, and whether to send it anybody.

/** Answers on a port of its own. Alive as long as the program answers; ready as it says. */
export function serveProbes(
  hostname: string,
  port: number,
  isReady: () => boolean,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname, port, onListen: () => {} }, ({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/healthz") return new Response("alive\n");
    if (pathname !== "/readyz") return new Response("no such thing\n", { status: 404 });
    return isReady() ? new Response("ready\n") : new Response("stopping\n", { status: 503 });
  });
}
