import { join } from "node:path";
import { isFileName, parseVersion, stripEpoch } from "../formats/index.ts";
import { assert } from "../runtime/index.ts";
import type { FarmContext } from "./farm-context.ts";

interface BuildNames {
  readonly id: string;
  readonly order: { readonly source: string; readonly version: string; readonly architecture: string };
}

/** HOME/builds/<source>/<version>/<timecode>/source: what packager put there. */
export function sourceDirectory(farm: Pick<FarmContext, "buildsPath">, uploadId: string): string {
  return join(farm.buildsPath, ...safeParts(uploadId), "source");
}

/** HOME/builds/<source>/<version>/<timecode>/<architecture>[~attempt]: each attempt has its own, so that a late one spoils nothing. */
export function buildDirectory(farm: Pick<FarmContext, "buildsPath">, id: string): string {
  return join(farm.buildsPath, ...safeParts(id));
}

/** The log while it is written; kept as this plus ".gz". */
export function buildLogPath(farm: Pick<FarmContext, "buildsPath">, build: BuildNames): string {
  const { source, version, architecture } = build.order;
  return join(buildDirectory(farm, build.id), `${source}_${stripEpoch(parseVersion(version))}_${architecture}.buildlog`);
}

function safeParts(id: string): string[] {
  const parts = id.split("/");
  assert(parts.length >= 3 && parts.every(isFileName), `${JSON.stringify(id)} is no id of an upload or build`);
  return parts;
}
