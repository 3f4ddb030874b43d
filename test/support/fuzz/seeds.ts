import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runChecked } from "../../../src/runtime/index.ts";
import { makeChangesText, makeDeb, makeSource } from "../packages.ts";

/** Real files: made by dpkg's own tools and gpg's format, and small ones of the tests. */
export interface Seeds {
  readonly changes: readonly Buffer[];
  readonly dscs: readonly Buffer[];
  readonly buildinfos: readonly Buffer[];
  readonly changelogs: readonly Buffer[];
  readonly relations: readonly Buffer[];
  readonly controls: readonly Buffer[];
  /** Read without a process. */
  readonly debs: readonly Buffer[];
  /** With xz: a process each. */
  readonly debsByProcess: readonly Buffer[];
}

const CONTROL = `Source: seed
Section: contrib/utils
Priority: optional
Maintainer: Zoë Example <zoe@example.org>
Uploaders: A B <a@example.org>, "C, D" <c@example.org>
Standards-Version: 4.6.2
Rules-Requires-Root: no
Build-Depends: dpkg-dev (>= 1.18), libfoo-dev (>= 2:1.0~) [amd64 !i386] <!nocheck> | bar:any <stage1>,
 baz (= 1.0-1)

Package: seed
Architecture: any
Built-Using: zlib (= 1:1.2.13.dfsg-1)
Depends: \${misc:Depends}, seed-data (= \${source:Version}) | seed-data-alternative
Description: one line
 Long text.
 .
  Verbatim: with a colon.

Package: seed-data
Architecture: all
Multi-Arch: foreign
Build-Profiles: <!nodata>
Description: data
`;

const CHANGELOG = `seed (1:2.0~rc1-1.1) bookworm-test-unstable; urgency=medium

  [ A B ]
  * First. (Closes: #12, #345)
  * MINI_BUILDD_OPTION: lintian-mode[amd64]=ignore
    MINI_BUILDD_OPTION: auto-ports=trixie-test-unstable,sid-test-unstable

 -- A B <a@example.org>  Sun, 22 Nov 2026 14:06:45 +0130

seed (1:1.0-1) unstable; urgency=low, binary-only=yes

  * Older.

 -- C D <c@example.org>  Sat, 21 Nov 2026 14:06:45 +0000
`;

const RULES = `#!/usr/bin/make -f
%:
	true
binary: binary-arch binary-indep
binary-arch binary-indep:
	mkdir -p debian/$(P)/DEBIAN debian/$(P)/usr/share/$(P)
	echo content > debian/$(P)/usr/share/$(P)/file
	ln -sf file debian/$(P)/usr/share/$(P)/link
	dpkg-gencontrol -p$(P) -Pdebian/$(P)
	dpkg-deb --root-owner-group --build debian/$(P) ..
binary-arch: P = seed
binary-indep: P = seed-data
.PHONY: binary binary-arch binary-indep
`;

export async function makeSeeds(directory: string): Promise<Seeds> {
  const made = await makeReal(directory);
  const source = await makeSource(directory, { name: "small", version: "1.0-1" });
  const smallChanges = Buffer.from(makeChangesText({ distribution: "bookworm-test-unstable", source }));
  const dscs = [made.dsc, await readFile(source.dsc.path)];
  return {
    changes: [made.changes, smallChanges, clearsigned(made.changes)],
    dscs: [...dscs, clearsigned(made.dsc)],
    buildinfos: [made.buildinfo],
    changelogs: [Buffer.from(CHANGELOG)],
    relations: [
      Buffer.from("a, b (>= 1:2.0~) [amd64 !i386] <!nocheck> <stage1 !x> | c:any (<< 2), d (= 1-1)"),
      Buffer.from("${misc:Depends}, python3:native, gcc [linux-any]"),
    ],
    controls: [made.control],
    debs: [made.debGzip, made.debZstd, made.debNone, await readFile((await makeDeb(directory)).path)],
    debsByProcess: [made.debXz],
  };
}

/** With dpkg-buildpackage and dpkg-deb. */
async function makeReal(directory: string) {
  const tree = join(directory, "seed-2.0~rc1");
  await mkdir(join(tree, "debian/source"), { recursive: true });
  await writeFile(join(tree, "README"), "read me\n");
  await runChecked({ argv: ["tar", "-czf", "seed_2.0~rc1.orig.tar.gz", "seed-2.0~rc1"], cwd: directory });
  await writeFile(join(tree, "debian/changelog"), CHANGELOG);
  await writeFile(join(tree, "debian/control"), CONTROL);
  await writeFile(join(tree, "debian/source/format"), "3.0 (quilt)\n");
  await writeFile(join(tree, "debian/rules"), RULES, { mode: 0o755 });
  await runChecked({
    argv: ["dpkg-buildpackage", "--no-sign", "--no-check-builddeps", "-d", "-F"],
    cwd: tree,
    env: { HOME: directory },
  });

  const architecture = (await runChecked({ argv: ["dpkg", "--print-architecture"] })).stdout.toString().trim();
  const read = (name: string) => readFile(join(directory, name));
  const built = `seed_2.0~rc1-1.1_${architecture}`;
  const [debGzip, debZstd, debNone, debXz] = await Promise.all(
    ["gzip", "zstd", "none", "xz"].map(async (compression) => {
      const path = join(directory, `seed-${compression}.deb`);
      const argv = [
        "dpkg-deb",
        "--root-owner-group",
        "--uniform-compression",
        `-Z${compression}`,
        "--build",
        "debian/seed",
        path,
      ];
      await runChecked({ argv: argv as [string, ...string[]], cwd: tree });
      return readFile(path);
    }),
  );
  if (debGzip === undefined || debZstd === undefined || debNone === undefined || debXz === undefined) throw new Error("no .deb");
  const control = await runChecked({ argv: ["dpkg-deb", "--field", join(directory, `${built}.deb`)] });
  return {
    changes: await read(`${built}.changes`),
    dsc: await read("seed_2.0~rc1-1.1.dsc"),
    buildinfo: await read(`${built}.buildinfo`),
    control: control.stdout,
    debGzip,
    debZstd,
    debNone,
    debXz,
  };
}

/** As gpg writes it; nobody verifies it here. */
function clearsigned(text: Buffer): Buffer {
  const signature = `-----BEGIN PGP SIGNATURE-----\n\n${"iQIzBAEBCgAdFiEE".repeat(4)}\n=abcd\n-----END PGP SIGNATURE-----\n`;
  const escaped = text.toString("utf8").replaceAll(/^-/gm, "- -");
  return Buffer.from(`-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${escaped}\n${signature}`);
}
