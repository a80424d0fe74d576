// A real PostgreSQL server of a test, with a cluster of its own that is thrown away.

import { isInstalled, outputOf, Program } from "./program.ts";

const FOLDER = "/usr/lib/postgresql";

/** Where Debian has the programs, which are in no search path. */
async function binaries(): Promise<string | undefined> {
  try {
    const versions = await Array.fromAsync(Deno.readDir(FOLDER), ({ name }) => Number(name));
    const newest = `${FOLDER}/${Math.max(...versions)}/bin`;
    await Deno.stat(`${newest}/initdb`);
    return newest;
  } catch {
    return undefined;
  }
}

/** Why there can be no such server here; `undefined` if there can. */
export async function missingPostgres(): Promise<string | undefined> {
  if (await binaries() === undefined) return "postgres is not installed (Debian: postgresql)";
  if (await isRoot() && !await isInstalled("setpriv")) return "setpriv is not installed";
  return undefined;
}

/** A server with the user "tester", who must log in by SCRAM-SHA-256. */
export interface PostgresServer extends AsyncDisposable {
  readonly port: number;
  readonly program: Program;
}

async function isRoot(): Promise<boolean> {
  return (await outputOf("id", ["-u"])).trim() === "0";
}

/** A command as a user that the server agrees to run as: it refuses root. */
async function unprivileged(command: readonly string[]): Promise<[string, ...string[]]> {
  // It may not enter the folder of this project.
  const user = ["--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "--chdir=/"];
  const [program, ...args] = await isRoot() ? ["setpriv", ...user, ...command] : command;
  return [program!, ...args];
}

/** Starts a server in a folder of its own. */
export async function startPostgres(password: string): Promise<PostgresServer> {
  const bin = (await binaries())!;
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/password`, password);
  if (await isRoot()) await outputOf("chown", ["-R", "postgres", folder]);
  const [initdb, ...options] = await unprivileged([
    ...[`${bin}/initdb`, "--pgdata", `${folder}/data`, "--username=tester", "--no-sync"],
    ...["--auth=scram-sha-256", `--pwfile=${folder}/password`, "--no-locale", "--encoding=UTF8"],
  ]);
  await outputOf(initdb, options);
  using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const settings = ["fsync=off", "listen_addresses=127.0.0.1", `unix_socket_directories=${folder}`];
  const [postgres, ...args] = await unprivileged([
    ...[`${bin}/postgres`, "-D", `${folder}/data`, "-p", String(port)],
    ...settings.flatMap((setting) => ["-c", setting]),
  ]);
  const program = new Program(postgres, args, { lifetimeInMillis: 60_000 });
  await program.line(/ready to accept connections/, "stderr");
  return {
    port,
    program,
    async [Symbol.asyncDispose]() {
      // An immediate shutdown takes its children with it.
      program.signal("SIGQUIT");
      await program.ending();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
