import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import type { OrderAptSource } from "../buildorder/index.ts";
import { formatDeb822 } from "../formats/index.ts";
import { codeversion } from "../rules/index.ts";
import { AppError, asAppError } from "../runtime/index.ts";
import { armorPublicKeys, readPublicKeys } from "./armor.ts";
import { type BuildSources, Catalog, type ResolvedCodename } from "./catalog.ts";
import type { ArchiveSourceDocument, CatalogDocument, CodenameDocument } from "./document.ts";
import { type HostArchive, readHostArchive } from "./host-archive.ts";
import { isRolling, securitySuite } from "./release-traits.ts";
import { findReleaseVersion } from "./release-versions.ts";

export interface ResolveOptions {
  /** HOME/etc: keyrings/ is in it. */
  readonly etcPath: string;
  /** Default: this machine's APT. */
  readonly readHost?: (() => Promise<HostArchive>) | undefined;
}

/** One deb822 stanza to be. */
interface AptSource {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly keys: string;
}

/** Fill a document with what the machine tells: its own archive, keys, release versions. Does not fail for one codename's sake. */
export async function resolveCatalog(document: CatalogDocument, options: ResolveOptions): Promise<Catalog> {
  const host = await readHost(document, options);
  const resolved = new Map<string, ResolvedCodename>();
  for (const [name, codename] of Object.entries(document.codenames)) {
    resolved.set(name, {
      codeversion: codeversion({
        codename: name,
        ...(await releaseOf(name, host)),
        override: codename.codeversion,
      }),
      sources: await resolveSources({ name, codename, document, host, etcPath: options.etcPath }).catch(asAppError),
    });
  }
  return new Catalog(document, resolved, join(options.etcPath, "keyrings"));
}

async function readHost(document: CatalogDocument, options: ResolveOptions): Promise<HostArchive | AppError> {
  const isWanted = Object.values(document["archive-sources"]).some((source) => source.from === "host");
  if (!isWanted) return new AppError({ kind: "bug", code: "INTERNAL", message: "the host's archive was not read" });
  return (options.readHost ?? readHostArchive)().catch(asAppError);
}

async function releaseOf(
  codename: string,
  host: HostArchive | AppError,
): Promise<{ releaseVersion?: string | undefined; origin?: string }> {
  if (host instanceof AppError || host.codename !== codename) return { releaseVersion: await findReleaseVersion(codename) };
  return { releaseVersion: host.suites[0]?.releaseVersion, origin: host.origin };
}

interface SourcesRequest {
  readonly name: string;
  readonly codename: CodenameDocument;
  readonly document: CatalogDocument;
  readonly host: HostArchive | AppError;
  readonly etcPath: string;
}

async function resolveSources(request: SourcesRequest): Promise<BuildSources> {
  const resolve = (source: string): Promise<OrderAptSource[]> => resolveSource(source, request);
  const base = await resolve(request.codename.base);
  const extra = await Promise.all(request.codename["extra-sources"].map(resolve));
  return { base, extra: extra.flat() };
}

async function resolveSource(sourceName: string, request: SourcesRequest): Promise<OrderAptSource[]> {
  const declared = request.document["archive-sources"][sourceName] as ArchiveSourceDocument;
  const stanzas = declared.from === "host" ? hostSources(request) : await declaredSources(declared, request.etcPath);
  return stanzas.map((stanza, index) => ({
    name: `${sourceName}-${request.name}${index === 0 ? "" : `-${index + 1}`}`,
    deb822: formatSource(stanza),
    preferences: declared.pin === undefined ? undefined : formatPins(stanza, declared.pin, request.name),
  }));
}

/** The host's archive for this codename: the same suites when it is the host's own, else those of its name. */
function hostSources({ name, codename, host }: SourcesRequest): AptSource[] {
  if (host instanceof AppError) throw host;

  const renamed = host.suites.map((suite) => ({ ...suite, suite: suiteOf(suite.suite, host.codename, name) }));
  const suites = isRolling(name) ? renamed.slice(0, 1) : renamed;
  const groups = Map.groupBy(suites, ({ uri, keys }) => `${uri}\n${keys}`);
  return [...groups.values()].map((group) => ({
    uri: group[0]?.uri ?? "",
    suites: group.map(({ suite }) => suite),
    components: codename.components,
    keys: group[0]?.keys ?? "",
  }));
}

/** The suite of another codename that is what this one is of the host's. */
function suiteOf(hostSuite: string, hostCodename: string, codename: string): string {
  const isSecurity = hostSuite === securitySuite(hostCodename);
  return isSecurity ? securitySuite(codename) : hostSuite.replace(hostCodename, codename);
}

async function declaredSources(source: ArchiveSourceDocument, etcPath: string): Promise<AptSource[]> {
  const keys = await readDeclaredKeys(source["signed-by"] ?? "", etcPath);
  return (source.uris ?? []).map((uri) => ({
    uri,
    suites: source.suites ?? [],
    components: source.components ?? ["main"],
    keys,
  }));
}

async function readDeclaredKeys(signedBy: string, etcPath: string): Promise<string> {
  if (signedBy.includes("-----BEGIN PGP")) return armorPublicKeys(readPublicKeys(Buffer.from(signedBy)));

  const path = isAbsolute(signedBy) ? signedBy : join(etcPath, "keyrings", signedBy);
  try {
    return armorPublicKeys(readPublicKeys(await readFile(path)));
  } catch (error) {
    throw new AppError({
      kind: "unavailable",
      code: "CATALOG_KEYRING_MISSING",
      message: `the keyring ${path} of an archive source cannot be read`,
      hint: "Put the keyring there, or correct signed-by in etc/catalog.toml",
      cause: error,
    });
  }
}

function formatSource(source: AptSource): string {
  // A suite that ends in a slash is a flat repository: it has no components.
  const isFlat = source.suites.every((suite) => suite.endsWith("/"));
  return formatDeb822([
    ["Types", "deb"],
    ["URIs", source.uri],
    ["Suites", source.suites.join(" ")],
    ...(isFlat ? [] : ([["Components", source.components.join(" ")]] as const)),
    ["Signed-By", `\n${source.keys.trim()}`],
  ]);
}

/** By the suites' own names; by host where those are also the base's, which a pin by name would hit. */
function formatPins(source: AptSource, pin: number, codename: string): string {
  const isLikeBase = source.suites.some((suite) => [codename, `${codename}-updates`, `${codename}-security`].includes(suite));
  const selectors =
    isLikeBase || source.suites.some((suite) => suite.endsWith("/"))
      ? [`origin "${uriHost(source.uri)}"`]
      : source.suites.flatMap((suite) => [`release n=${suite}`, `release a=${suite}`]);
  const stanzas = selectors.map((selector) => `Package: *\nPin: ${selector}\nPin-Priority: ${pin}\n`);
  return stanzas.join("\n");
}

function uriHost(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).hostname : "";
}
