import type { Catalog, DistributionTarget } from "../../catalog/index.ts";
import { dearmorPublicKeys } from "../../keyring/index.ts";
import { rollbackCount } from "../../rules/index.ts";
import type { OwnUploads } from "../packager-context.ts";
import { changelogEntry, ownMaintainer } from "./changelog-entry.ts";
import type { SourceTree } from "./gather-source.ts";
import type { MadeSource } from "./made-source.ts";
import { plainTree } from "./plain-tree.ts";

export interface KeyringQuestion {
  readonly made: MadeSource;
  readonly own: OwnUploads;
  readonly catalog: Catalog;
}

/** `<identity>-archive-keyring`; identities may have capitals, names of packages may not. */
export function keyringPackageName(identity: string): string {
  return `${identity.toLowerCase().replace(/^-+/, "")}-archive-keyring`;
}

/**
 * The package that makes a machine trust this instance and tells it where it is: its key, APT sources of every
 * distribution in both notations (to be copied or linked to /etc/apt/sources.list.d), and a profile of dput-ng.
 */
export function keyringTree({ made, own, catalog }: KeyringQuestion): SourceTree {
  const name = made.source;
  const key = dearmorPublicKeys(own.publicKey.armored);
  const sources = Object.fromEntries(catalog.listDistributions().flatMap((target) => sourceFiles(target, own, name)));
  const profile = own.dputProfile();
  const profilePath = `/etc/dput.d/profiles/mini-buildd-${own.identity}.json`;
  const keyPaths = [`/usr/share/keyrings/${name}.gpg`, `/etc/apt/trusted.gpg.d/${name}.gpg`];
  return plainTree({
    source: name,
    maintainer: ownMaintainer(own),
    changelog: changelogEntry(own, made, ["lintian-mode=ignore"]),
    section: "admin",
    architecture: "all",
    summary: `OpenPGP key and APT sources of the archive ${own.identity}`,
    description: [
      `The key that signs the repositories of ${own.identity}, in`,
      `/usr/share/keyrings, and APT sources for all of its distributions below`,
      `/usr/share/${name}/sources.list.d.`,
    ],
    recipe: [],
    install: [
      ...keyPaths.map((to) => ({ file: "key.gpg", to })),
      { file: "profile.json", to: profilePath },
      ...Object.keys(sources).map((file) => ({ file, to: `/usr/share/${name}/${file}` })),
    ],
    files: { "key.gpg": key, "profile.json": profile, ...sources },
    conffiles: [`/etc/apt/trusted.gpg.d/${name}.gpg`, profilePath],
  });
}

/** As the original names them: `<codename>/<repository>_<suite>[-rollbackN][_src].list`; deb822 beside, for both types. */
function sourceFiles(target: DistributionTarget, own: OwnUploads, name: string): [string, string][] {
  const { codename, repositoryId, suite, components } = target;
  const uri = `${own.url}/repositories/${repositoryId}`;
  const signedBy = `/usr/share/keyrings/${name}.gpg`;
  const rollbacks = Array.from({ length: rollbackCount(suite) }, (_, number) => `-rollback${number}`);
  return ["", ...rollbacks].flatMap((rollback): [string, string][] => {
    const distribution = `${target.name}${rollback}`;
    const path = `sources.list.d/${codename}/${repositoryId}_${suite.name}${rollback}`;
    const line = (type: string): string => `${type} [signed-by=${signedBy}] ${uri} ${distribution} ${components.join(" ")}\n`;
    const stanza = `Types: deb deb-src\nURIs: ${uri}\nSuites: ${distribution}\nComponents: ${components.join(" ")}\nSigned-By: ${signedBy}\n`;
    return [
      [`${path}.list`, line("deb")],
      [`${path}_src.list`, line("deb-src")],
      [`${path}.sources`, stanza],
    ];
  });
}
