import type { Kysely } from "kysely";
import type { Schema } from "../database/index.ts";
import type { DistributionSettings } from "./distribution-settings.ts";

/** An index before compression. */
export interface IndexContents {
  /** "main/binary-amd64" */
  readonly directory: string;
  readonly name: "Packages" | "Sources";
  /** In order; a chunk changes only when one of its packages comes or goes. Empty for an empty index. */
  readonly chunks: readonly Buffer[];
}

/** Memberships with sequence n × this … share a chunk: about 280 KiB of Packages. */
const CHUNK_SEQUENCES = 256;
/** Rows read at a time. */
const PAGE_ROWS = 2_000;

/**
 * What each index of a distribution held as of a change. Memberships with their changes are history, so the result
 * does not depend on what is committed meanwhile.
 */
export async function collectIndexes(
  db: Kysely<Schema>,
  settings: DistributionSettings,
  change: number,
): Promise<IndexContents[]> {
  const indexes = new Map<string, IndexBuilder>();
  for (const builder of emptyIndexes(settings)) indexes.set(builder.path, builder);

  await forEachPage(async (after) => {
    const rows = await db
      .selectFrom("source_memberships as members")
      .innerJoin("source_packages as packages", "packages.id", "members.source_package_id")
      .select(["members.sequence", "packages.component", "packages.stanza"])
      .where("members.distribution", "=", settings.name)
      .where("members.sequence", ">", after)
      .where("members.valid_from", "<=", change)
      .where((where) => where.or([where("members.valid_to", "is", null), where("members.valid_to", ">", change)]))
      .orderBy("members.sequence")
      .limit(PAGE_ROWS)
      .execute();
    for (const row of rows) indexes.get(`${row.component}/source/Sources`)?.add(row);
    return rows;
  });

  await forEachPage(async (after) => {
    const rows = await db
      .selectFrom("binary_memberships as members")
      .innerJoin("binary_packages as packages", "packages.id", "members.binary_package_id")
      .select(["members.sequence", "packages.component", "packages.architecture", "packages.kind", "packages.stanza"])
      .where("members.distribution", "=", settings.name)
      .where("members.sequence", ">", after)
      .where("members.valid_from", "<=", change)
      .where((where) => where.or([where("members.valid_to", "is", null), where("members.valid_to", ">", change)]))
      .orderBy("members.sequence")
      .limit(PAGE_ROWS)
      .execute();
    for (const row of rows) addBinary(indexes, settings, row);
    return rows;
  });

  return [...indexes.values()].map((builder) => builder.build());
}

/** Also a suite without packages has its indexes, or apt refuses it. */
function emptyIndexes(settings: DistributionSettings): IndexBuilder[] {
  return settings.components.flatMap((component) => [
    ...settings.architectures.map((architecture) => new IndexBuilder(`${component}/binary-${architecture}`, "Packages")),
    new IndexBuilder(`${component}/source`, "Sources"),
  ]);
}

interface BinaryRow {
  readonly sequence: number;
  readonly component: string;
  readonly architecture: string;
  readonly kind: string;
  readonly stanza: string;
}

function addBinary(indexes: Map<string, IndexBuilder>, settings: DistributionSettings, row: BinaryRow): void {
  if (!settings.components.includes(row.component)) return;

  const architectures = settings.architectures.filter((name) => row.architecture === "all" || row.architecture === name);
  for (const architecture of architectures) {
    const prefix = row.kind === "udeb" ? `${row.component}/debian-installer` : row.component;
    const directory = `${prefix}/binary-${architecture}`;
    const path = `${directory}/Packages`;
    const builder = indexes.get(path) ?? new IndexBuilder(directory, "Packages");
    indexes.set(path, builder);
    builder.add(row);
  }
}

async function forEachPage(readPage: (afterSequence: number) => Promise<readonly { sequence: number }[]>): Promise<void> {
  let after = -1;
  for (;;) {
    const rows = await readPage(after);
    after = rows.at(-1)?.sequence ?? after;
    if (rows.length < PAGE_ROWS) return;
  }
}

class IndexBuilder {
  readonly directory: string;
  readonly name: "Packages" | "Sources";
  readonly #chunks: Buffer[] = [];
  #stanzas: string[] = [];
  #chunkNumber = -1;

  constructor(directory: string, name: "Packages" | "Sources") {
    this.directory = directory;
    this.name = name;
  }

  get path(): string {
    return `${this.directory}/${this.name}`;
  }

  /** In the order of sequences. */
  add(row: { readonly sequence: number; readonly stanza: string }): void {
    const chunkNumber = Math.floor(row.sequence / CHUNK_SEQUENCES);
    if (chunkNumber !== this.#chunkNumber) this.#endChunk();
    this.#chunkNumber = chunkNumber;
    this.#stanzas.push(row.stanza, "\n");
  }

  build(): IndexContents {
    this.#endChunk();
    return { directory: this.directory, name: this.name, chunks: this.#chunks };
  }

  #endChunk(): void {
    if (this.#stanzas.length > 0) this.#chunks.push(Buffer.from(this.#stanzas.join("")));
    this.#stanzas = [];
  }
}
