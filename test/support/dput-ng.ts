import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, symlink } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { runChecked } from "../../src/runtime/index.ts";

export interface DputNg {
  readonly argv: readonly [string, ...string[]];
  /** It finds its data in ./skel, its profiles in ~/.dput.d. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * dput-ng, which cannot be installed beside dput: downloaded and unpacked once per user, below /var/tmp. `undefined` when
 * the host's APT cannot get it.
 */
export async function findDputNg(): Promise<DputNg | undefined> {
  const cachePath = `/var/tmp/mini-buildd-tests-${userInfo().uid}/dput-ng`;
  try {
    if (!existsSync(cachePath)) await unpack(cachePath);
  } catch (error) {
    if (process.env.CI !== undefined) throw error;
    console.warn("skipped: dput-ng cannot be downloaded", error);
    return undefined;
  }
  return {
    argv: ["/usr/bin/python3", join(cachePath, "usr/bin/dput")],
    cwd: cachePath,
    env: { HOME: join(cachePath, "home"), PYTHONPATH: join(cachePath, "usr/lib/python3/dist-packages") },
  };
}

async function unpack(cachePath: string): Promise<void> {
  await mkdir(join(cachePath, ".."), { recursive: true });
  const workPath = await mkdtemp(`${cachePath}-`);
  try {
    await runChecked({ argv: ["apt-get", "download", "dput-ng", "python3-dput"], cwd: workPath, timeoutMs: 120_000 });
    for (const name of await readdir(workPath)) {
      if (!name.endsWith(".deb")) continue;
      await runChecked({ argv: ["dpkg-deb", "--extract", name, "."], cwd: workPath });
      await rm(join(workPath, name));
    }
    await symlink("usr/share/dput-ng", join(workPath, "skel"));
    await mkdir(join(workPath, "home"));
    await symlink("../etc/dput.d", join(workPath, "home/.dput.d"));
    await rename(workPath, cachePath);
  } catch (error) {
    await rm(workPath, { recursive: true, force: true });
    // Another worker may have been first.
    if (!existsSync(cachePath)) throw error;
  }
}
