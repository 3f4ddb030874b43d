import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AppError } from "../runtime/index.ts";
import { chooseDestination } from "./dput-destination.ts";
import { type DputHost, readDputHosts } from "./dput-hosts.ts";
import { chooseEndpoint } from "./endpoint.ts";
import { originalNames, translateOriginalName } from "./original-names.ts";

let home: string;
let dputHosts: readonly DputHost[];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "mbd-endpoint-"));
  const text = `[DEFAULT]
login = anonymous
[mini-buildd-work]
method = ftps
host = buildd.example.org
fqdn = %(host)s:9067
incoming = /incoming
[web]
method: https
fqdn: web.example.org
incoming: /upload
[shell]
method = sftp
login = ann
fqdn = shell.example.org:8068
incoming = incoming
`;
  await writeFile(join(home, ".dput.cf"), text);
  dputHosts = await readDputHosts(home);
});

afterAll(() => rm(home, { recursive: true }));

const nothing = {
  given: undefined,
  configured: undefined,
  dputHosts: [],
  home: "/nonexistent",
  isForOwner: false,
  hasToken: false,
};

test("what is said counts before client.toml, and that before dput.cf", () => {
  const url = (choice: Partial<Parameters<typeof chooseEndpoint>[0]>) =>
    chooseEndpoint({ ...nothing, dputHosts, ...choice }).url.href;

  expect(url({ given: "http://a:1", configured: "http://b:2" })).toBe("http://a:1/");
  expect(url({ configured: "http://b:2" })).toBe("http://b:2/");
  expect(url({})).toBe("http://buildd.example.org:9066/");
  expect(url({ given: "web" })).toBe("https://web.example.org/");
  expect(url({ dputHosts: [] })).toBe("http://localhost:8066/");
  expect(url({ isForOwner: true, hasToken: true, dputHosts: [] })).toBe("http://localhost:8066/");
});

test("what is for the owner, and nobody named, is asked of the socket in the home", () => {
  expect(chooseEndpoint({ ...nothing, isForOwner: true })).toMatchObject({
    kind: "socket",
    path: "/nonexistent/run/control.sock",
  });
});

test("the user of an endpoint is for logging in, and not sent with each request", () => {
  expect(chooseEndpoint({ ...nothing, given: "http://ann@host:8066" })).toEqual({
    kind: "network",
    url: new URL("http://host:8066"),
    user: "ann",
  });
});

test.each([
  [{ to: "ftp://h:8067" }, "ftp", "ftp://h:8067/incoming", "http://h:8066"],
  [{ to: "sftp://ann@h:8068/incoming" }, "sftp", "sftp://ann@h:8068/incoming", "http://h:8066"],
  [{ to: "https://h/upload" }, "http", "https://h/upload", "https://h"],
  [{ host: "mini-buildd-work" }, "ftp", "ftps://buildd.example.org:9067/incoming", "http://buildd.example.org:9066"],
  [{ host: "shell" }, "sftp", "sftp://ann@shell.example.org:8068/incoming", "http://shell.example.org:8066"],
])("dput to %j goes by %s", (choice, kind, url, endpoint) => {
  const destination = chooseDestination({ ...choice, dputHosts });

  expect([destination?.kind, destination?.url.href, destination?.endpoint]).toEqual([kind, url, endpoint]);
});

test.each([{ to: "gopher://h" }, { to: "h" }, { host: "nobody" }])("dput to %j is refused", (choice) => {
  expect(() => chooseDestination({ ...choice, dputHosts })).toThrow(AppError);
});

test.each([
  ["mini-buildd-api", ["ls", "http://ann@h:8066", "hello", "-R", "test"], "--endpoint http://ann@h:8066 ls hello -R test"],
  ["mini-buildd-events", ["http://h:8066", "--types", "BUILT"], "--endpoint http://h:8066 events --types BUILT --follow"],
  ["mini-buildd-dput", ["--check-result", "mini-buildd-x", "a.changes"], "dput mini-buildd-x a.changes"],
  ["mini-buildd-debug-build", ["hello/1.0/t/amd64"], "debug-build hello/1.0/t/amd64"],
  ["mini-buildd-backup", ["/srv/b.tar"], "backup create /srv/b.tar"],
  ["mini-buildd", ["status"], "status"],
])("%s %j is here: %s", (name, args, expected) => {
  expect(translateOriginalName(`/usr/bin/${name}`, args).join(" ")).toBe(expected);
});

test("every program of the original is a command here, or says what is instead", () => {
  for (const name of originalNames) {
    try {
      expect(translateOriginalName(name, ["x", "y"])).not.toEqual(["x", "y"]);
    } catch (error) {
      expect(error).toMatchObject({ code: "COMMAND_GONE", hint: expect.stringMatching(/./) });
    }
  }
});
