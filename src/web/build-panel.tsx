import type { FC } from "hono/jsx";
import type { BuildView } from "../operations/index.ts";
import { logPagePath } from "../views/index.ts";
import { sizeText, utcText } from "./durations.ts";
import type { ShownLog } from "./log-tails.ts";
import { Badge, Lasting } from "./parts.tsx";
import { buildLabel, checkLabel, failureLabel, outcomeLabel } from "./words.ts";

interface BuildPanelProps {
  readonly build: BuildView;
  readonly log: ShownLog | undefined;
  readonly now: Date;
}

/** One attempt at one architecture: steps, reason, checks, log, files. The log is outside the parts that are replaced. */
export const BuildPanel: FC<BuildPanelProps> = ({ build, log, now }) => (
  <article class="panel build-panel" id={`build-${build.id}`} aria-label={buildTitle(build)}>
    <header id={`head-${build.id}`} data-part>
      <h3>{buildTitle(build)}</h3>
      <Badge label={buildLabel(build)} />
      <span class="muted small">{buildFacts(build)}</span>
      {build.started_at !== null && (
        <span class="muted small">
          <Lasting from={build.started_at} to={build.ended_at} now={now} />
        </span>
      )}
    </header>
    <div class="body">
      <div id={`state-${build.id}`} data-part>
        <Reason build={build} now={now} />
        <Steps build={build} now={now} />
      </div>
      <Log build={build} log={log} />
      <div id={`results-${build.id}`} data-part>
        <Checks build={build} />
        <Files build={build} />
      </div>
    </div>
  </article>
);

function buildTitle(build: BuildView): string {
  return build.attempt === 1 ? build.architecture : `${build.architecture}, attempt ${build.attempt}`;
}

function buildFacts(build: BuildView): string {
  const facts = [
    build.builds_all ? "with arch:all" : "",
    build.is_optional ? "optional" : "",
    build.builder === null ? "" : `on ${build.builder}`,
  ];
  return facts.filter((fact) => fact !== "").join(", ");
}

const Reason: FC<{ build: BuildView; now: Date }> = ({ build, now }) => {
  if (build.reason === null || build.status === "built" || build.state === "waiting") return null;
  const tone = buildLabel(build).tone;
  return (
    <div class={`callout ${tone}`}>
      <p>
        {build.failure !== null && <strong>{failureLabel(build.failure.class)}: </strong>}
        {build.reason}
      </p>
      {build.failure !== null && <p class="small">{build.failure.hint}</p>}
      {build.failure?.log_page != null && (
        <p class="small">
          <a href={build.failure.log_page}>First error in the log, line {build.failure.log_line}</a>
        </p>
      )}
      {build.failure !== null && build.failure.excerpt.length > 0 && <Excerpt build={build} failure={build.failure} />}
      {build.debug !== null && new Date(build.debug.until) > now && (
        <p class="small">
          A shell in its testbed, until <time datetime={build.debug.until}>{utcText(build.debug.until)}</time>, on the
          builder&apos;s machine: <code>{build.debug.command}</code>
        </p>
      )}
    </div>
  );
};

const Waiting: FC<{ build: BuildView }> = ({ build }) =>
  build.waits_for === null || build.waits_for.outlook.length === 0 ? (
    <p class="muted small">{build.reason ?? "Waits for a builder."}</p>
  ) : (
    <>
      <p class="muted small">Waits for {build.waits_for.relations.join(", ")}:</p>
      <ul class="plain-list muted small">
        {build.waits_for.outlook.map((sentence) => (
          <li>{sentence}</li>
        ))}
      </ul>
    </>
  );

/** What most people came for. */
const Excerpt: FC<{ build: BuildView; failure: NonNullable<BuildView["failure"]> }> = ({ build, failure }) => (
  <div class="log-lines" tabindex={0} role="region" aria-label={`First error on ${buildTitle(build)}`}>
    {failure.excerpt.map(({ line, text }) => (
      <div class={line === failure.log_line ? "log-line first-error" : "log-line"}>
        <a href={logPagePath(build.id, line)}>{line}</a>
        <code>{text}</code>
      </div>
    ))}
  </div>
);

function isReason({ reason, status, state }: BuildView, note: string): boolean {
  return note === reason && status !== "built" && state !== "waiting";
}

const Steps: FC<{ build: BuildView; now: Date }> = ({ build, now }) => {
  if (build.steps.length === 0) return build.state === "waiting" ? <Waiting build={build} /> : null;
  return (
    <div class="table-frame" tabindex={0} role="region" aria-label={`Steps on ${buildTitle(build)}`}>
      <table class="stacks">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">Outcome</th>
            <th scope="col">Started</th>
            <th scope="col">Took</th>
            <th scope="col">Note</th>
          </tr>
        </thead>
        <tbody>
          {build.steps.map((step) => (
            <tr>
              <th scope="row">{step.step}</th>
              <td>
                <Badge label={outcomeLabel(step.outcome)} />
              </td>
              <td class="nowrap">
                <time datetime={step.started_at} title={utcText(step.started_at)}>
                  {step.started_at.slice(11, 19)}
                </time>
              </td>
              <td class="nowrap">
                <Lasting from={step.started_at} to={step.ended_at} now={now} />
              </td>
              {/* What failed is said above. */}
              <td class="wide">{step.note === null || isReason(build, step.note) ? "" : step.note}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
};

/** While it waits there is a place that the log will take; the log itself is never replaced. */
const Log: FC<{ build: BuildView; log: ShownLog | undefined }> = ({ build, log }) => {
  const isLive = build.state === "leased";
  if (log === undefined && !isLive) return <div id={`log-${build.id}`} data-part />;
  return (
    <div class="log-frame" id={`log-${build.id}`}>
      <div class="log-head">
        <span>
          Log <span class="log-state muted">{isLive ? "" : (log?.isWhole ?? true) ? "" : "(the end of it)"}</span>
        </span>
        <span class="links">
          <a href={build.log_page}>Lines</a>
          <a href={`${build.log_path}?follow=0`}>Full log</a>
          <a href={`${build.log_path}?raw=1`} download={logFileName(build)}>
            Download
          </a>
        </span>
      </div>
      <pre
        class="log"
        tabindex={0}
        role="region"
        aria-label={`Log of ${buildTitle(build)}`}
        data-log={build.log_path}
        data-offset={String(log?.endBytes ?? 0)}
        {...(isLive && { "data-following": "" })}
      >
        {log?.text ?? ""}
      </pre>
    </div>
  );
};

function logFileName(build: BuildView): string {
  return `${build.id.replaceAll("/", "_")}.buildlog`;
}

function isNew({ changes }: BuildView["checks"][number], { level, package: name, tag, details }: Tag): boolean {
  return changes?.added.includes(`${level}: ${name}: ${tag}${details === "" ? "" : ` ${details}`}`) ?? false;
}

type Tag = BuildView["checks"][number]["tags"][number];

const Checks: FC<{ build: BuildView }> = ({ build }) => (
  <>
    {build.checks.map((check) => (
      <details open={check.outcome === "fail"} id={`check-${check.name}-${build.id}`}>
        <summary>
          {check.name} <Badge label={checkLabel(check.outcome)} /> {check.summary}
          {check.changes !== null && (
            <span class="muted small">
              {" "}
              ({check.changes.summary === "" ? "as" : `${check.changes.summary} since`} {check.changes.version})
            </span>
          )}
        </summary>
        <ul class="plain-list small">
          {check.tests.map((test) => (
            <li>
              <Badge label={checkLabel(test.outcome)} /> {test.name} <span class="muted">{test.details}</span>
            </li>
          ))}
        </ul>
        <ul class="plain-list small">
          {check.tags.map((tag) => (
            <li>
              <code>
                {tag.level}: {tag.package}: {tag.tag}
              </code>{" "}
              {isNew(check, tag) && <strong>new </strong>}
              <span class="muted">{tag.details}</span>
            </li>
          ))}
        </ul>
      </details>
    ))}
  </>
);

const Files: FC<{ build: BuildView }> = ({ build }) => {
  if (build.files.length === 0) return null;
  return (
    <details id={`files-${build.id}`} open={build.status !== "built"}>
      <summary>
        {build.files.length} {build.files.length === 1 ? "file" : "files"}{" "}
        {build.status === "built" ? "built" : "left by the failed build, for download; not installed"}
      </summary>
      <ul class="plain-list small">
        {build.files.map((file) => (
          <li>
            <a href={file.path} download={file.name}>
              {file.name}
            </a>{" "}
            <span class="muted nowrap">{sizeText(file.size_bytes)}</span>
          </li>
        ))}
      </ul>
    </details>
  );
};
