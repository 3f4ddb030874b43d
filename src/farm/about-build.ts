import type { BuildOrder } from "../buildorder/index.ts";
import type { BuildsTable } from "../database/index.ts";
import type { NewEvent } from "../events/index.ts";

/** The fields that every event about a build has. */
export function aboutBuild(row: BuildsTable): Omit<NewEvent, "type"> {
  const { distribution, source, version } = JSON.parse(row.build_order) as BuildOrder;
  return { uploadId: row.upload_id, buildId: row.id, distribution, source, version, architecture: row.architecture };
}
