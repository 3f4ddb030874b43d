import { DatabaseSync } from "node:sqlite";

export interface LargeDatabase {
  readonly sources: number;
  readonly buildsPerSource: number;
  readonly distribution: string;
}

const EPOCH_MS = Date.UTC(2026, 0, 1);
const PREFIXES = ["lib", "python3-", "ruby-", "golang-", "node-", "r-cran-", "hello", "x11-"] as const;

/** Has one event, the newest of all. */
export const RARE_DISTRIBUTION = "bookworm-rare-unstable";

/** A name that looks like one of Debian's. */
export function sourceName(number: number): string {
  return `${PREFIXES[number % PREFIXES.length]}${(number * 7919).toString(36)}-${number % 97}`;
}

/** Rows as years of work leave them: source packages in a distribution, an upload of each, its builds, steps and events. */
export function fillDatabase(path: string, { sources, buildsPerSource, distribution }: LargeDatabase): void {
  const database = new DatabaseSync(path);
  try {
    database.exec("pragma synchronous = off; begin immediate");
    const insert = statements(database);
    for (let number = 0; number < sources; number++) addSource(insert, { number, buildsPerSource, distribution });
    const rare = { source: "rare", version: "1.0", distribution: RARE_DISTRIBUTION, data: "{}" };
    const occurredAt = new Date(EPOCH_MS + sources * 600_000).toISOString();
    insert("events", { ...rare, type: "REMOVED", occurred_at: occurredAt });
    database.exec("commit; pragma wal_checkpoint(truncate)");
  } finally {
    database.close();
  }
}

type Insert = (table: string, row: Readonly<Record<string, string | number | null>>) => void;

function statements(database: DatabaseSync): Insert {
  const prepared = new Map<string, ReturnType<DatabaseSync["prepare"]>>();
  return (table, row) => {
    const names = Object.keys(row);
    const sql = `insert into ${table} (${names.join(", ")}) values (${names.map(() => "?").join(", ")})`;
    const statement = prepared.get(sql) ?? database.prepare(sql);
    prepared.set(sql, statement);
    statement.run(...Object.values(row));
  };
}

interface SourceRows {
  readonly number: number;
  readonly buildsPerSource: number;
  readonly distribution: string;
}

function addSource(insert: Insert, { number, buildsPerSource, distribution }: SourceRows): void {
  const name = sourceName(number);
  const version = `1.${number % 50}-1~test12+1`;
  const at = (seconds: number): string => new Date(EPOCH_MS + number * 600_000 + seconds * 1000).toISOString();
  const dscPath = `pool/main/${name.slice(0, 1)}/${name}/${name}_${version}.dsc`;
  const id = number + 1;
  const common = { repository_id: "test", name, version, component: "main", section: "misc", added_at: at(300) };
  insert("source_packages", { id, ...common, dsc_path: dscPath, stanza: "" });
  insert("source_memberships", { distribution, source_package_id: id, sequence: id, valid_from: 1, valid_to: null });

  const stamp = at(0);
  const timecode = `${stamp.slice(0, 10).replaceAll("-", "")}:${stamp.slice(11, 19).replaceAll(":", "")}:000000`;
  const upload = `${name}/${version}/${timecode}`;
  insert("uploads", {
    id: upload,
    state: "installed",
    source: name,
    version,
    distribution,
    timecode,
    changes_name: `${name}_${version}_source.changes`,
    changes_sha256: id.toString(16).padStart(64, "0"),
    changes_text: "",
    signer_fingerprint: null,
    channel: "ftp",
    peer: "127.0.0.1",
    problems: "[]",
    received_at: stamp,
    ended_at: at(300),
  });
  const event = { source: name, version, distribution, upload_id: upload, data: "{}" };
  insert("events", { ...event, type: "upload-state", occurred_at: at(1) });
  insert("events", { ...event, type: "PACKAGING", occurred_at: at(2) });
  for (let build = 0; build < buildsPerSource; build++)
    addBuild(insert, { upload, architecture: build === 0 ? "amd64" : "arm64", at, event });
  insert("events", { ...event, type: "INSTALLED", occurred_at: at(300) });
}

interface BuildRows {
  readonly upload: string;
  readonly architecture: string;
  readonly at: (seconds: number) => string;
  readonly event: Readonly<Record<string, string>>;
}

function addBuild(insert: Insert, { upload, architecture, at, event }: BuildRows): void {
  const id = `${upload}/${architecture}`;
  insert("builds", {
    id,
    upload_id: upload,
    architecture,
    attempt: 1,
    builds_all: architecture === "amd64" ? 1 : 0,
    is_optional: 0,
    state: "done",
    priority: 0,
    build_order: "{}",
    not_before: at(3),
    created_at: at(3),
    started_at: at(4),
    ended_at: at(200),
    first_attempt: 1,
    is_announced: 1,
  });
  const about = { ...event, build_id: id, architecture };
  for (const [type, seconds] of [
    ["BUILDING", 4],
    ["build-state", 5],
    ["build-step", 6],
    ["build-step", 190],
    ["BUILT", 200],
  ] as const) {
    insert("events", { ...about, type, occurred_at: at(seconds) });
  }
}
