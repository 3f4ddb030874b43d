import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runChecked } from "../../src/runtime/index.ts";
import { aptSource, makeAptRoot } from "../../test/support/apt.ts";
import type { HostRelease } from "../../test/support/host-archive.ts";
import { makeTestKey, type TestKey } from "../../test/support/keys.ts";
import { PlainSbuild } from "../../test/support/plain-sbuild.ts";
import { type StaticServer, serveDirectory } from "../../test/support/static-server.ts";
import { untilListed } from "./our-side.ts";
import type { SourceVersion } from "./source-series.ts";

/** What people do without a build daemon: sbuild, then reprepro, its directory served by any web server. */
export class SbuildReprepro {
  static readonly description = "sbuild + reprepro";
  readonly #release: HostRelease;
  readonly #directory: string;
  readonly #sbuild: PlainSbuild;
  readonly #key: TestKey;
  readonly #server: StaticServer;

  private constructor(parts: {
    release: HostRelease;
    directory: string;
    sbuild: PlainSbuild;
    key: TestKey;
    server: StaticServer;
  }) {
    this.#release = parts.release;
    this.#directory = parts.directory;
    this.#sbuild = parts.sbuild;
    this.#key = parts.key;
    this.#server = parts.server;
  }

  static async make(release: HostRelease): Promise<SbuildReprepro> {
    const directory = await mkdtemp(join(tmpdir(), "mbd-reprepro-"));
    const key = await makeTestKey();
    await mkdir(join(directory, "conf"));
    const { codename, architecture } = release;
    await writeFile(
      join(directory, "conf/distributions"),
      `Codename: ${codename}\nArchitectures: ${architecture} source\nComponents: main\nSignWith: ${key.fingerprint}\n`,
    );
    const [sbuild, server] = await Promise.all([PlainSbuild.make(release), serveDirectory(directory)]);
    return new SbuildReprepro({ release, directory, sbuild, key, server });
  }

  /** Seconds from sbuild's start until a fresh apt-get update lists the version. */
  async measure(upload: SourceVersion): Promise<number> {
    const { codename, architecture } = this.#release;
    const armoredKey = await this.#key.armoredPublicKey();
    const sources = aptSource({ uri: this.#server.url, suites: [codename], components: ["main"], armoredKey });
    const aptRoot = await makeAptRoot({ sources: sources.replace("deb deb-src", "deb"), architecture });
    try {
      const startMs = Date.now();
      const built = await this.#sbuild.build(upload.dscPath, { runLintian: true });
      await this.#include(built.changesPath);
      await untilListed(aptRoot, upload);
      const seconds = (Date.now() - startMs) / 1_000;
      await this.#sbuild.discard(built);
      return seconds;
    } finally {
      await aptRoot.dispose();
    }
  }

  async remove(): Promise<void> {
    await this.#server.close();
    await this.#sbuild.remove();
    await this.#key.dispose();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #include(changesPath: string): Promise<void> {
    await runChecked({
      argv: ["reprepro", "--basedir", this.#directory, "include", this.#release.codename, changesPath],
      env: { HOME: this.#directory, GNUPGHOME: this.#key.homePath },
      timeoutMs: 120_000,
    });
  }
}
