import type { FC } from "hono/jsx";
import { buildLogPath, findBuildLog, logPagePath, readLogLines, type StyledText, styledLine } from "../views/index.ts";
import { Layout } from "./layout.tsx";
import { links } from "./links.ts";
import type { WebContext } from "./web-context.ts";

const LINES_PER_PAGE = 2_000;
/** What stands above the line that was asked for. */
const LINES_BEFORE = 40;

export interface LogModel {
  readonly build: string;
  readonly first_line: number;
  readonly lines: readonly (readonly StyledText[])[];
  readonly has_more: boolean;
}

/** A page of a log that has line `line` on it. */
export async function loadLog(web: WebContext, buildId: string, line: number): Promise<LogModel> {
  const log = await findBuildLog(web.context.views, buildId);
  const firstLine = line <= LINES_PER_PAGE - LINES_BEFORE ? 1 : line - LINES_BEFORE;
  const { lines, hasMore } = await readLogLines(log, { firstLine, linesMax: LINES_PER_PAGE });
  return { build: buildId, first_line: firstLine, lines: lines.map(styledLine), has_more: hasMore };
}

/** Lines are addresses: #L123. The log of a running build is followed on the upload's page. */
export const LogPage: FC<{ web: WebContext; model: LogModel; json: string }> = ({ web, model, json }) => {
  const { build, first_line: firstLine, lines } = model;
  const uploadId = build.split("/").slice(0, 3).join("/");
  return (
    <Layout web={web} title={`Log of ${build}`} place="uploads" json={json}>
      <p class="breadcrumbs">
        <a href={links.uploads}>Uploads</a> / <a href={links.upload(uploadId)}>{uploadId}</a>
      </p>
      <h1>Log of {build.split("/").at(-1)}</h1>
      <Pager model={model} />
      <div class="log-lines" tabindex={0} role="region" aria-label={`Lines ${firstLine} to ${firstLine + lines.length - 1}`}>
        {lines.map((line, index) => (
          <div class="log-line" id={`L${firstLine + index}`}>
            <a href={`#L${firstLine + index}`}>{firstLine + index}</a>
            <code>{line.map(({ text, style }) => (style === "" ? text : <span class={`ansi ${style}`}>{text}</span>))}</code>
          </div>
        ))}
      </div>
      <Pager model={model} />
    </Layout>
  );
};

const Pager: FC<{ model: LogModel }> = ({ model: { build, first_line: firstLine, lines, has_more: hasMore } }) => (
  <p class="links">
    {firstLine > 1 && <a href={logPagePath(build, Math.max(1, firstLine - LINES_PER_PAGE + 2 * LINES_BEFORE))}>Lines before</a>}{" "}
    {hasMore && <a href={logPagePath(build, firstLine + lines.length + LINES_BEFORE)}>Lines after</a>}{" "}
    <a href={`${buildLogPath(build)}?follow=0`}>All of it as text</a>
  </p>
);
