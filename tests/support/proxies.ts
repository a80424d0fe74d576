// Proxies that others wrote, each for one test, on a port of 127.0.0.1. All want a user name and a password.

import { freePort } from "./free_port.ts";
import { isListening } from "./is_listening.ts";
import { Program } from "./program.ts";

/** A running proxy. `await using` ends it. */
export interface RunningProxy extends AsyncDisposable {
  /** Its host and port. */
  readonly at: string;
  /** Its URL, with the user name and the password. */
  readonly url: string;
}

/** A name that only Dante and Squid know: 127.0.0.1. */
export const INSIDE = "inside.example";

/** Where Dante and Squid let nobody go. */
export const FORBIDDEN = "127.0.0.3";

/** Of everybody but tinyproxy, which knows letters and digits only. */
const PASSWORD = "s:cr@t";

/** The same, as a system and as a web server keep it: `openssl passwd -6` and `-apr1`. */
const KEPT_BY_A_SYSTEM =
  "$6$abcdefgh$7M67tVcidkC8rcMdWUqpZrsg/CdKIzz2dIsrIXv7GsJjKvk2Dy2j6aPDPMPxkFuhdbWgydjOspO0sLqr4IhSp1";
const KEPT_BY_A_SERVER = "$apr1$abcdefgh$PewcVTgi16GNsjuxX4d0m0";

const HOSTS = `127.0.0.1 localhost ${INSIDE}\n`;

/** Starts a program on a port that was free, once more where another program has taken it in between. */
async function started(
  url: string,
  command: string,
  argsFor: (port: number) => readonly string[] | Promise<readonly string[]>,
): Promise<RunningProxy> {
  for (let attempt = 1;; attempt++) {
    const port = await freePort();
    const program = new Program(command, await argsFor(port));
    if (await isListening(port, program)) {
      return {
        at: `127.0.0.1:${port}`,
        url: `${url}127.0.0.1:${port}`,
        [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
      };
    }
    const { stdout, stderr } = await program.ending();
    if (attempt === 5) throw new Error(`${command} does not start: ${stdout}${stderr}`);
  }
}

/** Writes files that everybody may read: a proxy that was started by root becomes somebody else. */
async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  await Deno.chmod(folder, 0o755);
  for (const [name, content] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}`, content);
    await Deno.chmod(`${folder}/${name}`, 0o644);
  }
}

/** A small SOCKS proxy. */
export function startMicrosocks(): Promise<RunningProxy> {
  return started(
    `socks5://me:${encodeURIComponent(PASSWORD)}@`,
    "microsocks",
    (port) => ["-i", "127.0.0.1", "-p", `${port}`, "-u", "me", "-P", PASSWORD],
  );
}

/** A small HTTP proxy. @param folder Where its config may be. */
export function startTinyproxy(folder: string): Promise<RunningProxy> {
  return started("http://me:s3cret@", "tinyproxy", async (port) => {
    await write(folder, {
      "tinyproxy.conf":
        `Port ${port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nBasicAuth me s3cret\n`,
    });
    return ["-d", "-c", `${folder}/tinyproxy.conf`];
  });
}

/**
 * The SOCKS proxy Dante. It asks the system who may log in and where a name is, so it gets files of its own in the place
 * of the system's, which nobody else sees.
 *
 * @param folder Where these may be.
 */
export function startDante(folder: string): Promise<RunningProxy> {
  const files = ["passwd", "shadow", "hosts", "resolv.conf"];
  const mounts = files.map((name) => `mount --bind "$0/${name}" /etc/${name}`);
  return started(`socks5://me:${encodeURIComponent(PASSWORD)}@`, "unshare", async (port) => {
    await write(folder, {
      "danted.conf": [
        "logoutput: stderr",
        `internal: 127.0.0.1 port = ${port}`,
        "external: lo",
        "clientmethod: none",
        "socksmethod: username",
        "user.privileged: root",
        "user.unprivileged: root",
        "client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }",
        `socks block { from: 0.0.0.0/0 to: ${FORBIDDEN}/32 }`,
        "socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }",
      ].join("\n") + "\n",
      passwd: "root:x:0:0::/:/bin/sh\nme:x:1000:1000::/:/bin/false\n",
      shadow: `me:${KEPT_BY_A_SYSTEM}:20000:0:99999:7:::\n`,
      hosts: HOSTS,
      "resolv.conf": "nameserver 127.0.0.1\n",
    });
    // Its processes end with the first one.
    return [
      ..."--map-root-user --mount --pid --fork --kill-child sh -c".split(" "),
      `${mounts.join(" && ")} && exec danted -f "$0/danted.conf"`,
      folder,
    ];
  });
}

/** The HTTP proxy Squid. @param folder Where its config may be. */
export function startSquid(folder: string): Promise<RunningProxy> {
  return started(`http://me:${encodeURIComponent(PASSWORD)}@`, "squid", async (port) => {
    await write(folder, {
      "squid.conf": [
        `http_port 127.0.0.1:${port}`,
        "visible_hostname squid.test",
        "pid_filename none",
        "access_log none",
        "cache_log /dev/null",
        "cache deny all",
        "netdb_filename none",
        "pinger_enable off",
        `hosts_file ${folder}/hosts`,
        "dns_nameservers 127.0.0.1",
        `auth_param basic program /usr/lib/squid/basic_ncsa_auth ${folder}/users`,
        "auth_param basic children 1 startup=1",
        "acl known proxy_auth REQUIRED",
        `acl forbidden dst ${FORBIDDEN}/32`,
        "http_access deny forbidden",
        "http_access allow known",
        "http_access deny all",
      ].join("\n") + "\n",
      users: `me:${KEPT_BY_A_SERVER}\n`,
      hosts: HOSTS,
    });
    return ["-N", "-f", `${folder}/squid.conf`];
  });
}
