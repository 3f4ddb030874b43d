import { createHash } from "node:crypto";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runChecked } from "../../../src/runtime/index.ts";
import type { TestKey } from "../../support/keys.ts";

/** A root for APT of a test's own: nothing of the host's configuration is seen. */
export interface AptRoot {
  readonly path: string;
  /** For the environment variable APT_CONFIG. */
  readonly configPath: string;
  readonly osReleasePath: string;
  apt(args: readonly string[]): Promise<string>;
}

export async function makeAptRoot(): Promise<AptRoot> {
  const path = await mkdtemp(join(tmpdir(), "mbd-apt-"));
  for (const directory of [
    "etc/sources.list.d",
    "etc/trusted.gpg.d",
    "etc/preferences.d",
    "state/lists/partial",
    "cache/archives/partial",
  ]) {
    await mkdir(join(path, directory), { recursive: true });
  }
  await writeFile(join(path, "state/status"), "");
  const configPath = join(path, "apt.conf");
  await writeFile(configPath, aptConfiguration(path));
  const osReleasePath = join(path, "os-release");
  await writeFile(osReleasePath, 'NAME="Debian GNU/Linux"\nVERSION_CODENAME=bookworm\nID=debian\n');

  const apt = async (args: readonly string[]): Promise<string> => {
    const argv = ["apt-get", "-q", ...args] as const;
    const { stdout } = await runChecked({ argv, env: { APT_CONFIG: configPath }, timeoutMs: 60_000 });
    return stdout.toString("utf8");
  };
  return { path, configPath, osReleasePath, apt };
}

function aptConfiguration(path: string): string {
  return `
Dir "${path}";
Dir::Etc "${path}/etc";
Dir::Etc::parts "/nonexistent";
Dir::Etc::trustedparts "${path}/etc/trusted.gpg.d";
Dir::Etc::sourceparts "${path}/etc/sources.list.d";
Dir::State "${path}/state";
Dir::State::status "${path}/state/status";
Dir::Cache "${path}/cache";
Acquire::Check-Date "true";
Acquire::Check-Valid-Until "true";
APT::Update::Error-Mode "any";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "";
`;
}

export interface MadeArchive {
  readonly path: string;
  readonly suite: string;
  readonly codename?: string;
  readonly origin: string;
  readonly version?: string;
  readonly key: TestKey;
}

/** An archive of one package, signed: what APT needs to take it for what its Release says. */
export async function makeArchive({ path, suite, codename = suite, origin, version, key }: MadeArchive): Promise<void> {
  const directory = join(path, "dists", suite);
  await mkdir(join(directory, "main/binary-amd64"), { recursive: true });
  // APT keeps no list of an index without packages.
  const packages = "Package: x\nVersion: 1\nArchitecture: amd64\nMaintainer: x <x@example.org>\nDescription: x\n";
  await writeFile(join(directory, "main/binary-amd64/Packages"), packages);
  const sha256 = createHash("sha256").update(packages).digest("hex");
  const release = [
    `Origin: ${origin}`,
    `Suite: ${suite}`,
    `Codename: ${codename}`,
    ...(version === undefined ? [] : [`Version: ${version}`]),
    `Date: ${new Date(Date.now() - 60_000).toUTCString().replace("GMT", "UTC")}`,
    "Architectures: amd64",
    "Components: main",
    `SHA256:\n ${sha256} ${packages.length} main/binary-amd64/Packages\n`,
  ].join("\n");
  await writeFile(join(directory, "InRelease"), await key.clearsign(release));
}
