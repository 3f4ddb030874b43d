/**
 * The grammar of etc/catalog.toml: every table and key, with defaults. What refers to what is judged in check.ts.
 * A key added here also needs a row in docs/reference/catalog.md (a test compares them).
 */
import { z } from "zod";
import { defaultVersionRules } from "../rules/index.ts";

const codenameName = z.string().regex(/^[a-z][a-z0-9]*$/, "a codename is lower-case letters and digits, like bookworm");
const repositoryId = z.string().regex(/^[a-z0-9]+$/, "a repository id is lower-case letters and digits only, like test");
const suiteName = z.string().regex(/^[a-z]+$/, "a suite is lower-case letters only, like unstable");
const sourceName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]*$/, "an archive source's name is lower-case letters, digits and hyphens, like debian-backports");
const layoutName = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, "a layout's name is lower-case letters, digits and hyphens");
const architectureName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]*$/, "an architecture is a name as dpkg knows it, like amd64")
  .refine((name) => !["all", "any", "source"].includes(name), "name a real architecture: all, any and source are none");
const componentName = z.string().regex(/^[a-z][a-z0-9-]*$/, "a component is lower-case letters, digits and hyphens, like main");
const onePerLine = z.string().regex(/^[^\r\n]+$/, "must be one line");
/** Goes into APT configuration: no white space, so that it cannot become a second field. */
const uri = z
  .string()
  .regex(
    /^(https?|file|ftp):\/\/?[^\s]+$/,
    "must be an http:, https:, ftp: or file: URI without spaces, like http://archive.example.org/debian",
  );
const aptSuite = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9+._/-]*$/, "a suite of an archive, like bookworm-updates");
const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, "the name of a binary package, like eatmydata");
/** Goes into apt.conf of testbeds: none that has APT run something. */
const aptOption = z
  .string()
  .regex(
    /^(?!.*[Ii][Nn][Vv][Oo][Kk][Ee])(?:Acquire|APT)::[A-Za-z0-9:_-]+=[^"\\\r\n]*$/,
    'an option of APT that runs no command, like "Acquire::Check-Valid-Until=false"',
  );
/** Runs as root in testbeds, so it may be anything that is a text. */
const setupScript = z
  .string()
  .max(64 * 1024)
  .regex(/^[^\0]*\S[^\0]*$/, "a script, like \"echo 'en_US.UTF-8 UTF-8' > /etc/locale.gen\"");
const checkMode = z.enum(["disabled", "ignore", "errfail", "warnfail"]);

/** Either `from = "host"`, or uris, suites and signed-by: check.ts sees to that, with better words than a union's. */
const archiveSource = z.strictObject({
  /** As this machine's own APT uses it; the suites of the codename that asks are taken. */
  from: z.literal("host").optional(),
  uris: z.array(uri).min(1).optional(),
  suites: z.array(aptSuite).min(1).optional(),
  components: z.array(componentName).min(1).optional(),
  /** Absolute path of a keyring on this machine, a file name in etc/keyrings/, or an armored key. */
  "signed-by": z.string().min(1).optional(),
  /** APT priority as an extra source; without it APT decides. */
  pin: z.number().int().min(-1).max(32_767).optional(),
});

const codename = z.strictObject({
  base: sourceName,
  "extra-sources": z.array(sourceName).default([]),
  architectures: z.array(architectureName).min(1),
  "optional-architectures": z.array(architectureName).default([]),
  "builds-all": architectureName.optional(),
  components: z.array(componentName).min(1).default(["main"]),
  codeversion: z
    .string()
    .regex(/^~?[A-Za-z0-9]+$/, "letters and digits, like 12")
    .optional(),
  lintian: checkMode.default("errfail"),
  autopkgtest: checkMode.default("disabled"),
  piuparts: checkMode.default("disabled"),
  "internal-priority": z.number().int().min(-1).max(32_767).default(1),
  "deb-build-options": z.array(onePerLine).default([]),
  "deb-build-profiles": z.array(onePerLine).default([]),
  "add-depends": z.array(onePerLine).default([]),
  "build-dep-resolver": z.enum(["apt", "aptitude", "aspcud", "internal"]).default("apt"),
  "setup-script": setupScript.optional(),
  eatmydata: z.boolean().default(false),
  ccache: z.boolean().default(false),
  "base-packages": z.array(packageName).default([]),
  "apt-options": z.array(aptOption).default([]),
});

const suite = z.strictObject({
  uploadable: z.boolean().default(false),
  experimental: z.boolean().default(false),
  "migrates-to": suiteName.optional(),
  keep: z.number().int().min(0).max(1000).default(0),
  "not-automatic": z.boolean().default(true),
  "but-automatic-upgrades": z.boolean().default(true),
  rollbacks: z.number().int().min(0).max(100).optional(),
  "apt-priority": z.number().int().optional(),
  "keyring-packages": z.boolean().default(false),
  "valid-days": z.number().int().min(1).max(3_650).optional(),
  zstd: z.boolean().default(false),
  "keep-days": z.number().int().min(0).max(36_500).optional(),
  "history-days": z.number().int().min(0).max(36_500).optional(),
  "weekly-snapshots": z.number().int().min(0).max(1000).default(0),
  "monthly-snapshots": z.number().int().min(0).max(1000).default(0),
  "yearly-snapshots": z.number().int().min(0).max(1000).default(0),
});

const layout = z.strictObject({
  "version-rule": onePerLine.optional(),
  "experimental-version-rule": onePerLine.optional(),
  "port-suffix": onePerLine.default(defaultVersionRules.portSuffix),
  "experimental-port-suffix": onePerLine.default(defaultVersionRules.experimentalPortSuffix),
  "meta-distributions": z.record(suiteName, onePerLine).default({}),
  suites: z.record(suiteName, suite).refine((suites) => Object.keys(suites).length > 0, "a layout needs at least one suite"),
});

const repository = z.strictObject({
  description: onePerLine.optional(),
  layout: layoutName.default("default"),
  codenames: z.array(codenameName).min(1),
  uploads: z.enum(["signed", "unsigned"]).default("signed"),
  "uploader-keyrings": z
    .array(
      z
        .string()
        .regex(
          /^(\/(?:[A-Za-z0-9+_-][A-Za-z0-9+._-]*\/)*)?[A-Za-z0-9][A-Za-z0-9+._-]*\.(asc|gpg|pgp)$/,
          "a file name in etc/keyrings/, like uploaders.asc, or an absolute path, like /usr/share/keyrings/debian-keyring.gpg",
        ),
    )
    .default([]),
});

export const catalogDocument = z.strictObject({
  "archive-sources": z.record(sourceName, archiveSource).default({}),
  codenames: z.record(codenameName, codename).default({}),
  layouts: z.record(layoutName, layout).default({}),
  repositories: z.record(repositoryId, repository).default({}),
});

/** The keys of each kind of table, for suggestions and documentation. */
export const tableKeys = {
  "": Object.keys(catalogDocument.shape),
  "archive-sources": Object.keys(archiveSource.shape),
  codenames: Object.keys(codename.shape),
  layouts: Object.keys(layout.shape),
  suites: Object.keys(suite.shape),
  repositories: Object.keys(repository.shape),
} as const;

/** etc/catalog.toml as written, with defaults filled in. */
export type CatalogDocument = z.output<typeof catalogDocument>;
export type CodenameDocument = CatalogDocument["codenames"][string];
export type RepositoryDocument = CatalogDocument["repositories"][string];
export type ArchiveSourceDocument = CatalogDocument["archive-sources"][string];
export type LayoutDocument = CatalogDocument["layouts"][string];
