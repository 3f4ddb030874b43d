import type { SchemaMigration } from "../migration.ts";

/** Sources that this instance makes itself. */
export const madeSources: SchemaMigration = {
  id: 12,
  name: "made-sources",
  statements: [
    `create table made_sources (
      id @id@, state text not null, source text not null, version text not null, distribution text not null, request text not null,
      asked_by text not null, upload_id text, problem text, created_at text not null, ended_at text)`,
    `create index made_sources_by_state on made_sources (state, id)`,
    `create index made_sources_by_upload on made_sources (upload_id)`,
    `create index made_sources_by_asker on made_sources (asked_by)`,
    `create index made_sources_by_end on made_sources (ended_at)`,
  ],
};
