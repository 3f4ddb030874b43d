import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type EndedCommand, runCommand } from "../../../src/runtime/index.ts";
import { addUser, PASSWORD } from "../../support/people.ts";
import { TestSite } from "../../support/site.ts";

const MAIN = join(import.meta.dirname, "../../../src/main.ts");

let site: TestSite;
let url: string;
let home: string;

beforeAll(async () => {
  site = await TestSite.open();
  url = await site.start();
  await addUser(site, "ann", "staff");
});

afterAll(() => site?.close());

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "mbd-login-"));
  return () => rm(home, { recursive: true });
});

const credentialsPath = (): string => join(home, ".config/mini-buildd/credentials.json");

test("login asks for the password at the terminal and keeps a token that nobody else can read; logout takes it back", async () => {
  const login = await atTerminal(["--endpoint", url, "login", "ann"], `${PASSWORD}\n`);

  expect(login).toMatchObject({ exitCode: 0, stdout: expect.not.stringContaining(PASSWORD) });
  expect((await stat(credentialsPath())).mode & 0o777).toBe(0o600);
  expect((await command("--endpoint", url, "whoami", "--json")).stdout.toString()).toContain('"name": "ann"');
  expect((await command("--endpoint", url.replace("127.0.0.1", "localhost"), "whoami")).stdout.toString()).not.toContain("ann");

  const { token } = Object.values(JSON.parse(await readFile(credentialsPath(), "utf8")) as Record<string, { token: string }>)[0]!;
  expect((await command("--endpoint", url, "logout")).exitCode).toBe(0);
  expect((await fetch(`${url}/api/v1/whoami`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
  expect(await readFile(credentialsPath(), "utf8")).toBe("{}\n");
});

test("a wrong password is said, and nothing is kept", async () => {
  const login = await atTerminal(["--endpoint", url, "login", "ann"], "wrong\n");

  expect(login).toMatchObject({ exitCode: 3, stdout: expect.stringContaining("LOGIN_FAILED") });
  await expect(stat(credentialsPath())).rejects.toMatchObject({ code: "ENOENT" });
});

test("a command that needs more asks who one is, for this once; without a terminal it says what to do", async () => {
  const asked = await atTerminal(["--endpoint", url.replace("//", "//ann@"), "token-ls"], `${PASSWORD}\n`);
  const silent = await command("--endpoint", url, "token-ls");
  const noTerminal = await command("--endpoint", url, "login", "ann");

  expect(asked.exitCode).toBe(0);
  expect(asked.stdout).toContain("mini-buildd on ");
  expect(silent.exitCode).toBe(3);
  expect(noTerminal.stderr.toString()).toContain("TERMINAL_MISSING");
  await expect(stat(credentialsPath())).rejects.toMatchObject({ code: "ENOENT" });
});

test("tokens that others could read are not used", async () => {
  await atTerminal(["--endpoint", url, "login", "ann"], `${PASSWORD}\n`);
  await chmod(credentialsPath(), 0o640);

  const ended = await command("--endpoint", url, "whoami");

  expect(ended.exitCode).toBe(3);
  expect(ended.stderr.toString()).toContain("CREDENTIALS_EXPOSED");
});

test("the endpoint comes from client.toml, and a faulty one is refused", async () => {
  await atTerminal(["--endpoint", url, "login", "ann"], `${PASSWORD}\n`);
  await writeFile(join(home, ".config/mini-buildd/client.toml"), `endpoint = "${url}"\n`);
  expect((await command("whoami")).stdout.toString()).toContain("ann");

  await writeFile(join(home, ".config/mini-buildd/client.toml"), 'endpiont = "x"\n');
  expect((await command("whoami")).stderr.toString()).toContain("CLIENT_CONFIG_INVALID");
});

function command(...args: string[]): Promise<EndedCommand> {
  return runCommand({ argv: [process.execPath, MAIN, ...args], env: { HOME: home }, timeoutMs: 60_000 });
}

/** In a pseudo-terminal, which is what a password is typed on; standard output has all that the terminal showed. */
async function atTerminal(args: string[], typed: string): Promise<{ exitCode: number | undefined; stdout: string }> {
  const line = [process.execPath, MAIN, ...args].map((arg) => `'${arg}'`).join(" ");
  const ended = await runCommand({
    argv: ["script", "--quiet", "--return", "--echo", "never", "--command", line, "/dev/null"],
    env: { HOME: home, SHELL: "/bin/sh" },
    input: typed,
    timeoutMs: 60_000,
  });
  return { exitCode: ended.exitCode, stdout: ended.stdout.toString() };
}
