import { tmpdir } from "node:os";
import type { OrderAptSource } from "../../src/buildorder/index.ts";
import { parseCatalog, resolveCatalog } from "../../src/catalog/index.ts";
import type { EndedCommand } from "../../src/runtime/index.ts";
import type { Layer, Session, Testbeds } from "../../src/testbed/index.ts";

/** apt of a Debian release, to judge an archive with: a session of a small base layer of it, with network. */
export interface Judge {
  readonly session: Session;
  readonly codename: string;
  run(...argv: [string, ...string[]]): Promise<EndedCommand>;
  /** Like run, but throws on failure; returns standard output. */
  must(...argv: [string, ...string[]]): Promise<string>;
}

/** What the host's own mirrors have for a codename, as a catalog with `from = "host"` says. */
export async function hostSources(codename: string, architecture = "amd64"): Promise<readonly OrderAptSource[]> {
  const document = parseCatalog(
    `[archive-sources.host]\nfrom = "host"\n[codenames.${codename}]\nbase = "host"\narchitectures = ["${architecture}"]\n`,
  );
  return (await resolveCatalog(document, { etcPath: tmpdir() })).buildSources(codename).base;
}

/** The layer has no more than apt needs. It is kept for the other tests of the same run. */
export async function ensureJudgeLayer(testbeds: Testbeds, codename: string): Promise<Layer> {
  const sources = await hostSources(codename);
  return testbeds.ensureBaseLayer({
    codename,
    architecture: "amd64",
    sources,
    components: ["main"],
    variant: "apt",
  });
}

/** Knows one archive, ours: strict, with the key in a file, which apt of every release reads. Close the session in the end. */
export async function openJudge(
  testbeds: Testbeds,
  options: { readonly codename: string; readonly sources: string; readonly armoredKey: string },
): Promise<Judge> {
  const { codename } = options;
  const layer = await ensureJudgeLayer(testbeds, codename);
  const session = await testbeds.startSession({ layers: [layer.id], network: "host" });
  const write = (path: string, input: string) => session.runChecked({ argv: ["tee", path], input });
  await write("/etc/apt/keyrings/test.asc", options.armoredKey);
  await write("/etc/apt/sources.list.d/test.sources", `${options.sources}Signed-By: /etc/apt/keyrings/test.asc\n`);
  await write("/etc/apt/apt.conf.d/99test", STRICT);

  const run: Judge["run"] = (...argv) =>
    session.run({ argv, cwd: "/root", env: { DEBIAN_FRONTEND: "noninteractive" }, timeoutMs: 120_000 });
  return {
    session,
    codename,
    run,
    must: async (...argv) => {
      const ended = await run(...argv);
      const text = `${ended.stdout.toString("utf8")}${ended.stderr.toString("utf8")}`;
      // A warning counts as well: users see it at each update.
      if (ended.exitCode === 0 && !/^[EW]: /m.test(text)) return ended.stdout.toString("utf8");
      throw new Error(`${codename}: ${argv.join(" ")} ended with ${ended.exitCode}:\n${text}`);
    },
  };
}

const STRICT = `Acquire::Check-Date "true"; Acquire::Check-Valid-Until "true"; Acquire::Retries "0";
Acquire::http::Proxy "DIRECT"; APT::Update::Error-Mode "any"; APT::Get::Assume-Yes "true"; APT::Sandbox::User "root";
APT::Install-Recommends "false"; Acquire::Languages { "en"; };
`;
