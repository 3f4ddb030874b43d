import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseCatalog, resolveCatalog } from "../../src/catalog/index.ts";
import { runChecked, silentLogger, systemClock } from "../../src/runtime/index.ts";
import { Testbeds } from "../../src/testbed/index.ts";
import { makeAptRoot } from "../support/apt.ts";
import { hostCodename } from "../support/daemon.ts";
import { ensureJudgeLayer, hostSources } from "../support/judges.ts";
import { makeTestKey, type TestKey } from "../support/keys.ts";
import { type StaticServer, serveHandler } from "../support/static-server.ts";
import { layersDirectory } from "../support/testbeds.ts";

/**
 * A base layer of an Ubuntu release. No mirror of Ubuntu is assumed: a fixture has its layout (suite, components, own
 * key), and packages of the host's own Debian in it, fetched from the host's mirrors when they are asked for.
 */

const CODENAME = "noble";
const COMPONENTS = ["main", "restricted", "universe", "multiverse"];
/** In universe; all others are in main. */
const UNIVERSE = ["hello"];

let scratch: string;
let testbeds: Testbeds;
let key: TestKey;
let otherKey: TestKey;
let server: StaticServer;
const mirrors: string[] = [];
let layerId: string | undefined;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "mbd-ubuntu-"));
  testbeds = await Testbeds.open({ directory: layersDirectory(), clock: systemClock, logger: silentLogger });
  [key, otherKey] = await Promise.all([makeTestKey(), makeTestKey()]);
  await makeMirror();
  server = await serveHandler(answer);
});

afterAll(async () => {
  if (layerId !== undefined) await testbeds.removeLayer(layerId);
  await testbeds?.close();
  await server?.close();
  await key?.dispose();
  await otherKey?.dispose();
  await rm(scratch, { recursive: true, force: true });
});

/** dists/noble with what a small base layer of the host's release has. */
async function makeMirror(): Promise<void> {
  const stanzas = await neededStanzas();
  for (const component of COMPONENTS) {
    const directory = join(scratch, "dists", CODENAME, component, "binary-amd64");
    await mkdir(directory, { recursive: true });
    const isHere = (stanza: string): boolean => {
      const isUniverse = UNIVERSE.includes(nameOf(stanza));
      return component === (isUniverse ? "universe" : "main");
    };
    await writeFile(
      join(directory, "Packages"),
      stanzas
        .filter(isHere)
        .map((stanza) => `${stanza}\n\n`)
        .join(""),
    );
  }
  const field = (name: string, value: string) => ["-o", `APT::FTPArchive::Release::${name}=${value}`];
  const fields = [
    ...field("Origin", "Ubuntu"),
    ...field("Suite", CODENAME),
    ...field("Codename", CODENAME),
    ...field("Version", "24.04"),
    ...field("Architectures", "amd64"),
    ...field("Components", COMPONENTS.join(" ")),
  ];
  const release = await runChecked({ argv: ["apt-ftparchive", ...fields, "release", `dists/${CODENAME}`], cwd: scratch });
  await writeFile(join(scratch, "dists", CODENAME, "InRelease"), await key.clearsign(release.stdout));
}

/** With names of files that say which of the host's mirrors has them. */
async function neededStanzas(): Promise<string[]> {
  const codename = await hostCodename();
  const layer = await ensureJudgeLayer(testbeds, codename);
  const session = await testbeds.startSession({ layers: [layer.id] });
  const listed = await session.runChecked({ argv: ["dpkg-query", "-W", "-f", "${Package}\\n"] });
  await session.close();
  const names = new Set([...listed.stdout.toString("utf8").split("\n"), ...UNIVERSE]);

  const sources = (await hostSources(codename)).map(({ deb822 }) => deb822).join("\n");
  const root = await makeAptRoot({ sources });
  try {
    await root.must("apt-get", "update");
    const targets = await root.must("apt-get", "indextargets", "--format", "$(FILENAME) $(REPO_URI)", "Created-By: Packages");
    const stanzas: string[] = [];
    for (const line of targets.trim().split("\n")) {
      const [path = "", mirror = ""] = line.split(" ");
      const text = await readFile(path, "utf8");
      mirrors.push(mirror);
      const wanted = text.split("\n\n").filter((stanza) => names.has(nameOf(stanza)));
      stanzas.push(...wanted.map((stanza) => stanza.trim().replace(/^Filename: /m, `Filename: pool/${mirrors.length - 1}/`)));
    }
    return stanzas;
  } finally {
    await root.dispose();
  }
}

function nameOf(stanza: string): string {
  return /^Package: (.*)$/m.exec(stanza)?.[1] ?? "";
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
  const [, index, file] = /^\/ubuntu\/pool\/(\d+)\/(.*)$/.exec(path) ?? [];
  if (index !== undefined && file !== undefined) {
    const location = `${mirrors[Number(index)]?.replace(/\/$/, "")}/${file.split("/").map(encodeURIComponent).join("/")}`;
    response.writeHead(302, { location }).end();
    return;
  }
  response.end(await readFile(join(scratch, path.replace(/^\/ubuntu\//, ""))));
}

async function request(keyringPath: string) {
  const document = parseCatalog(`[archive-sources.ubuntu]
uris = ["${server.url}/ubuntu"]
suites = ["${CODENAME}"]
components = ${JSON.stringify(COMPONENTS)}
signed-by = "${keyringPath}"
[codenames.${CODENAME}]
base = "ubuntu"
architectures = ["amd64"]
components = ${JSON.stringify(COMPONENTS)}
base-packages = ["hello"]
[repositories.test]
codenames = ["${CODENAME}"]
uploads = "unsigned"
`);
  const catalog = await resolveCatalog(document, { etcPath: scratch });
  const target = catalog.findDistribution(`${CODENAME}-test-unstable`);
  const { components = [], basePackages, aptOptions } = target ?? {};
  const sources = catalog.buildSources(CODENAME).base;
  const about = { codename: CODENAME, architecture: "amd64", variant: "apt" as const };
  return { target, layer: { ...about, sources, components, packages: basePackages, aptOptions } };
}

test("it is made from all its components, and its versions are Ubuntu's", async () => {
  const { target, layer } = await request(key.publicKeyPath);
  expect(target?.codeversion).toBe("2404");

  const base = await testbeds.ensureBaseLayer(layer);
  layerId = base.id;

  expect(base).toMatchObject({ codename: CODENAME, architecture: "amd64" });
  await using session = await testbeds.startSession({ layers: [base.id] });
  expect((await session.runChecked({ argv: ["hello"] })).stdout.toString("utf8")).toContain("Hello, world!");
});

test("an archive that another key has signed is refused", async () => {
  const { layer } = await request(otherKey.publicKeyPath);

  await expect(testbeds.ensureBaseLayer(layer)).rejects.toMatchObject({ kind: "unavailable", code: "BASE_LAYER_FAILED" });
});
