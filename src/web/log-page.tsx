import type { FC } from "hono/jsx";
import type { BuildView } from "../operations/index.ts";
import {
  buildLogPath,
  findBuildLog,
  loadUpload,
  logPagePath,
  readLastLogLines,
  readLogLines,
  type StyledText,
  styledLine,
} from "../views/index.ts";
import { Layout } from "./layout.tsx";
import { links } from "./links.ts";
import { Badge } from "./parts.tsx";
import type { WebContext } from "./web-context.ts";
import { buildLabel, failureLabel } from "./words.ts";

const LINES_PER_PAGE = 2_000;
/** What stands above the line that was asked for. */
const LINES_BEFORE = 40;

export interface LogModel extends Pick<BuildView, "state" | "status" | "reason" | "failure"> {
  readonly build: string;
  readonly first_line: number;
  readonly lines: readonly (readonly StyledText[])[];
  readonly has_more: boolean;
}

/** A page of a log that has line `line` on it. */
export async function loadLog(web: WebContext, buildId: string, line: number | "end"): Promise<LogModel> {
  const { views } = web.context;
  const log = await findBuildLog(views, buildId);
  const { builds } = await loadUpload(views, uploadOf(buildId));
  const { state = "", status = null, reason = null, failure = null } = builds.find(({ id }) => id === buildId) ?? {};
  const linesMax = LINES_PER_PAGE;
  const { firstLine, lines, hasMore } = await (line === "end"
    ? readLastLogLines(log, { linesMax })
    : readLogLines(log, { firstLine: line <= LINES_PER_PAGE - LINES_BEFORE ? 1 : line - LINES_BEFORE, linesMax }));
  const about = { state, status, reason, failure };
  return { build: buildId, ...about, first_line: firstLine, lines: lines.map(styledLine), has_more: hasMore };
}

function uploadOf(buildId: string): string {
  return buildId.split("/").slice(0, 3).join("/");
}

/** Lines are addresses: #L123. The log of a running build is followed on the upload's page. */
export const LogPage: FC<{ web: WebContext; model: LogModel; json: string }> = ({ web, model, json }) => {
  const { build, first_line: firstLine, lines, failure } = model;
  const uploadId = uploadOf(build);
  return (
    <Layout web={web} title={`Log of ${build}`} place="uploads" json={json}>
      <p class="breadcrumbs">
        <a href={links.uploads}>Uploads</a> / <a href={`${links.upload(uploadId)}#build-${build}`}>{uploadId}</a>
      </p>
      <div class="page-title">
        <h1>Log of {build.split("/").at(-1)}</h1>
        <Badge label={buildLabel(model)} />
      </div>
      <Failure model={model} />
      <Pager model={model} />
      <div class="log-lines" tabindex={0} role="region" aria-label={`Lines ${firstLine} to ${firstLine + lines.length - 1}`}>
        {lines.map((line, index) => (
          <div class={failure?.log_line === firstLine + index ? "log-line first-error" : "log-line"} id={`L${firstLine + index}`}>
            <a href={`#L${firstLine + index}`}>{firstLine + index}</a>
            <code>{line.map(({ text, style }) => (style === "" ? text : <span class={`ansi ${style}`}>{text}</span>))}</code>
          </div>
        ))}
      </div>
      <Pager model={model} />
    </Layout>
  );
};

const Failure: FC<{ model: LogModel }> = ({ model: { state, status, reason, failure } }) => {
  if (failure === null || reason === null) return null;
  return (
    <div class={`callout ${buildLabel({ state, status }).tone}`}>
      <p>
        <strong>{failureLabel(failure.class)}: </strong>
        {reason}
      </p>
      <p class="small">{failure.hint}</p>
    </div>
  );
};

const Pager: FC<{ model: LogModel }> = ({ model: { build, first_line: firstLine, lines, has_more: hasMore, failure } }) => (
  <p class="links">
    {failure?.log_page != null && <a href={failure.log_page}>First error, line {failure.log_line}</a>}{" "}
    {firstLine > 1 && <a href={logPagePath(build)}>Start</a>}{" "}
    {firstLine > 1 && <a href={logPagePath(build, Math.max(1, firstLine - LINES_PER_PAGE + 2 * LINES_BEFORE))}>Lines before</a>}{" "}
    {hasMore && <a href={logPagePath(build, firstLine + lines.length + LINES_BEFORE)}>Lines after</a>}{" "}
    {hasMore && <a href={logPagePath(build, "end")}>End</a>} <a href={`${buildLogPath(build)}?follow=0`}>All of it as text</a>
  </p>
);
