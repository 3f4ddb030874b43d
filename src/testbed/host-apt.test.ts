import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { aptFiles } from "./host-apt.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "mbd-keys-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

test("key files of the host are carried along, by content", async () => {
  const keyPath = join(directory, "key.asc");
  await writeFile(keyPath, "KEY");

  const { files } = await aptFiles([{ name: "base", deb822: `Types: deb\nURIs: http://x/\nSigned-By: ${keyPath}` }]);

  const [path = ""] = [...files.keys()].filter((name) => name.startsWith("/etc/apt/keyrings/"));
  expect(path).toMatch(/^\/etc\/apt\/keyrings\/mini-buildd-[0-9a-f]{16}\.asc$/);
  expect(String(files.get(path))).toBe("KEY");
  expect(files.get("/etc/apt/sources.list.d/base.sources")).toBe(`Types: deb\nURIs: http://x/\nSigned-By: ${path}\n`);
});

test("a key inline becomes a file, as old releases' apt reads none there; pins stay as they are", async () => {
  const deb822 =
    "Types: deb\nURIs: http://x/\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n /slash+data=\nSuites: s\n\nTypes: deb\n";

  const { files, hostDirectories } = await aptFiles([
    { name: "own", deb822, preferences: "Package: *\nPin: release a=b\nPin-Priority: 1" },
  ]);

  const [path = ""] = [...files.keys()].filter((name) => name.startsWith("/etc/apt/keyrings/"));
  expect(path).toMatch(/^\/etc\/apt\/keyrings\/mini-buildd-[0-9a-f]{16}\.asc$/);
  expect(files.get(path)).toBe("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n/slash+data=\n");
  expect(files.get("/etc/apt/sources.list.d/own.sources")).toBe(
    `Types: deb\nURIs: http://x/\nSigned-By: ${path}\nSuites: s\n\nTypes: deb\n`,
  );
  expect(files.get("/etc/apt/preferences.d/own.pref")).toBe("Package: *\nPin: release a=b\nPin-Priority: 1\n");
  expect(hostDirectories).toEqual([]);
});

test("directories of file: sources are found", async () => {
  const deb822 = "Types: deb\nURIs: file:/srv/one/ http://x/\n copy:/srv/two file:///srv/three\n";

  expect((await aptFiles([{ name: "local", deb822 }])).hostDirectories).toEqual(["/srv/one", "/srv/three", "/srv/two"]);
});

test("a missing key and a hostile name are refused", async () => {
  await expect(aptFiles([{ name: "base", deb822: "Signed-By: /nonexistent/key.gpg\n" }])).rejects.toMatchObject({
    code: "APT_KEY_MISSING",
  });
  await expect(aptFiles([{ name: "../x", deb822: "" }])).rejects.toMatchObject({ code: "APT_SOURCE_NAME" });
});
