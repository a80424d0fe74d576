// Builds the image of examples/service, runs it under load, stops it as an engine does, and compares the books.
//
//   deno task image            a minute; as root, with buildah, podman, runc, debootstrap, and a mirror of Debian
//
// The base image is made here, of Debian and this Deno, under the name that the container file asks for: so no
// registry is needed. What differs from the published one is said where the base is made. All of it lies in a folder
// of its own, which is removed at the end. Ends with 1 where something is not as docs/deploy.md says.

import { Load } from "./demo/load.ts";
import { DemoService } from "./demo/service.ts";
import { many } from "./soak/words.ts";

const CONTAINER_FILE = "examples/service/Containerfile";
const ROOT = new URL("../", import.meta.url);
const LOAD_MILLIS = 5_000;
/** Within this the load stops after the stop has begun; far less than the service accepts for. */
const ACCEPT_FOR_MILLIS = 4_000;
const GRACE_SECONDS = 20;

const folder = await Deno.makeTempDir({ prefix: "socket-image-" });
const store = [`--root=${folder}/store`, `--runroot=${folder}/run`, "--storage-driver=vfs"];
const podman = ["--cgroup-manager=cgroupfs", "--events-backend=none", "--runtime=runc"];

/** Runs a program to its end. @returns What it printed. */
async function run(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, cwd: ROOT }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) throw new Error(`${program} ${args.join(" ")}\n${text(stdout)}\n${text(stderr)}`);
  return text(stdout);
}

const buildah = (command: string, ...args: string[]) => run("buildah", ...store, command, ...args);

/** Makes the base: Debian, Deno, its user, and its folder. The published one also has an entry point of its own. */
async function makeBase(name: string): Promise<void> {
  await run("debootstrap", "--variant=minbase", "stable", `${folder}/debian`);
  const base = await buildah("from", "scratch");
  await buildah("add", "--quiet", base, `${folder}/debian`, "/");
  await buildah("add", "--quiet", "--chmod=755", base, Deno.execPath(), "/usr/bin/deno");
  const user = "useradd --uid 1993 --user-group deno && install -d -o deno -g deno /deno-dir";
  await buildah("run", "--isolation=chroot", base, "--", "sh", "-c", user);
  await buildah("config", "--env=DENO_DIR=/deno-dir/", base);
  await buildah("commit", "--quiet", "--rm", base, name);
}

/** Runs the image, and says what is not as it has to be. */
async function complaints(): Promise<string[]> {
  const wrong: string[] = [];
  const expect = (what: string, is: unknown, should: unknown) => {
    if (is !== should) wrong.push(`${what}: ${is}, and not ${should}`);
  };
  const options = ["--name=service", "--network=host", "--pull=never"];
  // As high as this process may go: an engine that runs as a service may go higher.
  const limits = ["--ulimit=nofile=20000:20000", "--ulimit=nproc=1000:1000"];
  const service = new DemoService([`--accept-for=${ACCEPT_FOR_MILLIS}`, "--deadline=5000"], [
    ...["podman", ...store, ...podman, "run", "--rm", ...options, ...limits],
    "localhost/socket-service",
  ]);
  await service.started;
  const inside = (...words: string[]) =>
    run("podman", ...store, ...podman, "exec", "service", ...words);
  expect("the first process", await inside("cat", "/proc/1/comm"), "deno");
  expect("its user", await inside("id", "-un"), "deno");
  expect("/healthz", await service.probe("healthz"), 200);
  expect("/readyz", await service.probe("readyz"), 200);

  const load = new Load(service.port);
  await new Promise((resolve) => setTimeout(resolve, LOAD_MILLIS));
  const { socket_accepted_total: accepted } = await service.samples();
  if (!(accepted! > 0)) wrong.push(`/metrics: ${accepted} connections were accepted`);

  const stopping = run("podman", ...store, ...podman, "stop", `-t=${GRACE_SECONDS}`, "service");
  while (await service.probe("readyz") === 200);
  expect("/healthz during the stop", await service.probe("healthz"), 200);
  expect("/readyz during the stop", await service.probe("readyz"), 503);
  await load.sendNobody();
  await Promise.all([load.gone(), stopping]);
  expect("the exit code", await service.ended, 0);
  const { stopped } = service.said;
  expect("connections of the service", stopped?.accepted, load.connections);
  expect("answers of the service", stopped?.answered, load.answers);
  expect("connections that were cut", (stopped?.cut as unknown[] | undefined)?.length, 0);
  const books = `${many(load.connections)} connections, ${many(load.answers)} answers`;
  console.log(`Its clients: ${books}, none cut`);
  return [...wrong, ...load.failures.map(String)];
}

let wrong: string[];
try {
  const file = await Deno.readTextFile(new URL(CONTAINER_FILE, ROOT));
  const [, base] = /^FROM (\S+)$/m.exec(file)!;
  console.log(`Making ${base} of Debian and this Deno`);
  await makeBase(base!);
  console.log(`Building ${CONTAINER_FILE}`);
  const build = ["--isolation=chroot", "--pull-never", "--quiet", `--file=${CONTAINER_FILE}`];
  await buildah("build", ...build, "--tag=socket-service", ".");
  console.log("Running it under load, and stopping it");
  wrong = await complaints();
} finally {
  // Whatever has gone wrong, nothing is left running.
  await run("podman", ...store, ...podman, "rm", "--force", "--ignore", "service");
  await Deno.remove(folder, { recursive: true });
}
for (const what of wrong) console.error(what);
console.log(wrong.length === 0 ? "The image does what it should" : "The image does not");
Deno.exit(wrong.length === 0 ? 0 : 1);
