import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type EndedCommand, runChecked, runCommand } from "../../src/runtime/index.ts";
import { Daemon, freePort, hostCodename, hostVersionSuffix } from "../support/daemon.ts";
import { changesName, makeChangesText, makeSource } from "../support/packages.ts";
import { Browser, PASSWORD } from "../support/people.ts";

/* `mini-buildd dput` as a person runs it, over each way in; nothing is built. */
const BIN = resolve(import.meta.dirname, "../../bin/mini-buildd");

let daemon: Daemon;
let https: number;
let sftp: number;
/** Has the person's own files: a certificate to trust, an SSH key, and who was seen before. */
let person: string;

beforeAll(async () => {
  [https, sftp] = [await freePort(), await freePort()];
  daemon = await Daemon.make({
    hasAdjacentPorts: true,
    http: (port) => `endpoints = ["tcp6:port=${port}", "ssl:port=${https}"]`,
    configuration: `[sftp]\nenabled = true\nport = ${sftp}\n[builder]\nparallel = 0\n`,
  });
  person = join(daemon.scratch, "person");
  await mkdir(join(person, "bin"), { recursive: true });
  await daemon.start();
  await daemon.apply();
  await makeSshUser();
});

afterAll(() => daemon?.remove());

/** sftp looks for files of the account that it runs in, whatever HOME says: it is told where they are. */
async function makeSshUser(): Promise<void> {
  const key = join(person, "key");
  await runChecked({ argv: ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ann", "-f", key] });
  const { link } = JSON.parse(await daemon.command("user-create", "ann", "ann@example.org", "--role", "login", "--json")) as {
    link: string;
  };
  const browser = new Browser(daemon.url);
  const { pathname } = new URL(link);
  const password = { password: PASSWORD, password_again: PASSWORD };
  await browser.post(pathname, { csrfmiddlewaretoken: await browser.token(pathname), ...password });
  await browser.logIn("ann");
  const set = await browser.post("/mini_buildd/api/set_ssh_key/", {
    csrfmiddlewaretoken: await browser.token("/accounts/profile/"),
    confirm: "set_ssh_key",
    next: "/accounts/profile/",
    key: (await runChecked({ argv: ["ssh-keygen", "-y", "-f", key] })).stdout.toString().trim(),
  });
  expect(set.status).toBe(303);

  const hostKey = (await runChecked({ argv: ["ssh-keygen", "-y", "-f", join(daemon.home, "keys/ssh_host_key")] })).stdout;
  await writeFile(join(person, "known_hosts"), `[localhost]:${sftp} ${hostKey.toString()}`);
  await writeFile(
    join(person, "ssh_config"),
    `UserKnownHostsFile ${join(person, "known_hosts")}\nIdentityFile ${key}\nIdentitiesOnly yes\nStrictHostKeyChecking yes\n`,
  );
  const wrapper = join(person, "bin", "sftp");
  await writeFile(wrapper, `#!/bin/sh\nexec /usr/bin/sftp -F '${join(person, "ssh_config")}' "$@"\n`);
  await chmod(wrapper, 0o755);
}

/** `--to`, and how its instance is asked where that does not follow from it. */
const channels = () =>
  [
    ["ftp", `ftp://localhost:${daemon.ftpPort}`, []],
    ["ftps", `ftps://localhost:${daemon.ftpPort}/incoming`, []],
    ["sftp", `sftp://ann@localhost:${sftp}`, ["--endpoint", daemon.url]],
    ["http", `http://localhost:${daemon.httpPort}`, []],
    ["https", `https://localhost:${https}`, []],
  ] as const;

test.each(["ftp", "ftps", "sftp", "http", "https"] as const)(
  "dput over %s: what is taken, what was taken before, and what is rejected with its reason",
  async (channel) => {
    const [, to, endpoint] = channels().find(([name]) => name === channel)!;
    const codename = await hostCodename();
    const good = await makeUpload(`${channel}-good`, `1.0${await hostVersionSuffix()}`, `${codename}-test-unstable`);
    const bad = await makeUpload(`${channel}-bad`, "1.0", `${codename}-test-nowhere`);

    const taken = await dput([...endpoint, "dput", "--no-wait", "--to", to, good]);
    expect(told(taken)).toMatch(/uploading .*_source\.changes\nuploaded 3 files\n/);
    expect(taken.exitCode).toBe(0);
    await daemon.waitFor(
      `${channel}-good is accepted`,
      ({ type, source }) => type === "PACKAGING" && source === `${channel}-good`,
    );

    const again = await dput([...endpoint, "dput", "--to", to, good]);
    expect(told(again)).toMatch(/already/);
    expect(again.exitCode).toBe(0);

    const rejected = await dput([...endpoint, "dput", "--to", to, bad]);
    expect(told(rejected)).toContain(`${codename}-test-nowhere`);
    expect(told(rejected)).toMatch(/problem: /);
    expect(rejected.exitCode).toBe(1);
    expect(await channelsOf(`${channel}-bad`)).toEqual([channel]);
  },
);

test("a certificate that nobody vouches for is refused over https and ftps, before a file is sent", async () => {
  const path = await makeUpload("untrusted", "1.0", "x");

  for (const to of [`ftps://localhost:${daemon.ftpPort}`, `https://localhost:${https}`]) {
    const ended = await dput(["--endpoint", daemon.url, "dput", "--no-wait", "--to", to, path], { trusts: false });

    expect(told(ended)).toMatch(/certificate/i);
    expect(ended.exitCode).toBe(6);
  }
  expect(await channelsOf("untrusted")).toEqual([]);
});

test("the original's names are the program that is installed", async () => {
  const name = join(person, "bin", "mini-buildd-api");
  await symlink(BIN, name);

  const ended = await runCommand({ argv: [name, "status", daemon.url, "--json"], env: environment(true), timeoutMs: 60_000 });

  expect(JSON.parse(ended.stdout.toString())).toMatchObject({ identity: "test" });
});

test("requests are in the access log, and the daemon's log can be seen, followed and raised", async () => {
  const logPath = join(daemon.home, "var/log/access.log");
  await vi.waitFor(async () => expect(await readFile(logPath, "utf8")).toMatch(/"PUT \/upload\/http-good_\S+ HTTP\/1\.1" 201 /), {
    timeout: 30_000,
  });

  await daemon.command("log_level_set", "debug", "--module", "http");
  await daemon.get("/nothing-here");
  const lines = await daemon.command("log", "--module", "http", "--level", "debug");
  expect(lines).toMatch(/DEBUG http: request refused .*path=\/nothing-here code=PATH_NOT_FOUND/);
  expect(await daemon.command("log", "--text", "ready", "--json")).toContain('"module": "daemon"');
});

async function makeUpload(name: string, version: string, distribution: string): Promise<string> {
  const directory = join(daemon.scratch, "uploads", name);
  const source = await makeSource(directory, { name, version, distribution });
  const path = join(directory, changesName(source));
  await writeFile(path, makeChangesText({ distribution, source }));
  return path;
}

function dput(args: readonly string[], { trusts = true } = {}): Promise<EndedCommand> {
  return runCommand({ argv: [BIN, ...args], env: environment(trusts), timeoutMs: 120_000 });
}

function environment(trusts: boolean): Record<string, string> {
  const path = [join(person, "bin"), dirname(process.execPath), process.env["PATH"]].join(":");
  const certificate = { NODE_EXTRA_CA_CERTS: join(daemon.home, "keys/tls.pem") };
  return { HOME: person, PATH: path, ...(trusts && certificate) };
}

function told({ stdout, stderr }: EndedCommand): string {
  return `${stderr.toString()}${stdout.toString()}`;
}

/** By which ways the upload came, as the daemon says. */
async function channelsOf(source: string): Promise<string[]> {
  const database = new DatabaseSync(join(daemon.home, "database/mini-buildd.sqlite"), { readOnly: true });
  try {
    return database
      .prepare("select distinct channel from uploads where source = ?")
      .all(source)
      .map((row) => String(row["channel"]));
  } finally {
    database.close();
  }
}
