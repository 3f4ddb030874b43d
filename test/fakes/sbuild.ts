/**
 * A fake sbuild for tests of farm and packager, as an executable: speaks sbuild's command line, exit status and
 * summary, needs no testbed. What it does follows from the source package's name:
 * `…-fails`: the compiler fails; `…-hangs`: prints a line and waits to be killed; `…-breaks`: its environment fails;
 * `…-lies`: the .changes does not fit the files. Any other name is built: one .deb per line of Package-List.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { architectureMatches, type Dsc, parseDsc } from "../../src/formats/index.ts";
import { type MadeFile, makeDeb } from "../support/packages.ts";

const options = process.argv.slice(2);
const option = (name: string): string => options.find((text) => text.startsWith(`--${name}=`))?.slice(name.length + 3) ?? "";
const dscPath = options.at(-1) ?? "";

await main(parseDsc(readFileSync(dscPath), basename(dscPath)));

async function main(dsc: Dsc): Promise<void> {
  console.log(`sbuild (fake) building ${dsc.source} ${dsc.version} for ${option("arch")}`);
  if (dsc.source.endsWith("-fails")) return end(2, "attempted", "build", "main.c:1:1: error: expected declaration");
  if (dsc.source.endsWith("-breaks")) return end(1, "failed", "create-session", "E: Error creating chroot session");
  if (dsc.source.endsWith("-hangs")) return hang();

  const built = await buildPackages(dsc);
  if (dsc.source.endsWith("-lies")) writeFileSync(join(option("build-dir"), built[0]?.name ?? ""), "something else");
  end(0, "successful", undefined, "Build finished");
}

async function buildPackages(dsc: Dsc): Promise<MadeFile[]> {
  const architecture = option("arch");
  const directory = option("build-dir");
  const wanted = dsc.packageList.flatMap((entry) => {
    if (entry.architectures.includes("all")) return options.includes("--arch-all") ? [{ entry, architecture: "all" }] : [];
    return entry.architectures.some((wildcard) => architectureMatches(architecture, wildcard)) ? [{ entry, architecture }] : [];
  });
  const debs: MadeFile[] = [];
  for (const { entry, architecture } of wanted) {
    debs.push(
      await makeDeb(directory, {
        name: entry.name,
        version: dsc.version,
        source: dsc.source,
        section: entry.section,
        architecture,
      }),
    );
  }
  writeChanges(dsc, directory, debs);
  return debs;
}

function writeChanges(dsc: Dsc, directory: string, debs: readonly MadeFile[]): void {
  const version = dsc.version.replace(/^\d+:/, "");
  const list = (format: (deb: MadeFile) => string): string => debs.map((deb) => `\n ${format(deb)}`).join("");
  const text = [
    "Format: 1.8",
    "Date: Sun, 22 Nov 2026 12:00:00 +0000",
    `Source: ${dsc.source}`,
    `Binary: ${debs.map(({ name }) => name.split("_")[0]).join(" ")}`,
    `Architecture: ${[...new Set(debs.map(({ name }) => /_([^_]+)\.deb$/.exec(name)?.[1]))].join(" ")}`,
    `Version: ${dsc.version}`,
    `Distribution: ${option("dist")}`,
    "Urgency: medium",
    `Maintainer: ${dsc.maintainer ?? "nobody"}`,
    `Changes:\n ${dsc.source} (${dsc.version}) ${option("dist")}; urgency=medium\n .\n   * Built by a fake.`,
    `Checksums-Sha1:${list((deb) => `${deb.sha1} ${deb.sizeBytes} ${deb.name}`)}`,
    `Checksums-Sha256:${list((deb) => `${deb.sha256} ${deb.sizeBytes} ${deb.name}`)}`,
    `Files:${list((deb) => `${deb.md5} ${deb.sizeBytes} misc optional ${deb.name}`)}`,
    "",
  ].join("\n");
  writeFileSync(join(directory, `${dsc.source}_${version}_${option("arch")}.changes`), text);
}

function hang(): void {
  console.log(`waiting to be killed (pid ${process.pid})`);
  setInterval(() => {}, 60_000);
}

function end(exitCode: number, status: string, failStage: string | undefined, line: string): void {
  const stage = failStage === undefined ? "" : `Fail-Stage: ${failStage}\n`;
  console.log(`${line}\n\n+----+\n| Summary                    |\n+----+\n\n${stage}Status: ${status}`);
  process.exitCode = exitCode;
}
