import type { FC } from "hono/jsx";
import { callOperation, type Visitor } from "../handlers/index.ts";
import { type LogLineView, log, logLevelLs, logLevelSet, type ResultOf } from "../operations/index.ts";
import { LOG_LEVELS } from "../runtime/index.ts";
import { Choice, Field, OperationForm } from "./forms.tsx";
import { Layout } from "./layout.tsx";
import { links } from "./links.ts";
import { Badge, Section } from "./parts.tsx";
import type { WebContext } from "./web-context.ts";
import type { Tone } from "./words.ts";

export interface DaemonLogModel extends ResultOf<typeof logLevelLs> {
  readonly lines: readonly LogLineView[];
}

type Query = Readonly<Record<string, string>>;

/** Throws what the operations throw: ACCESS_DENIED for all but administrators. */
export async function loadDaemonLog(web: WebContext, visitor: Visitor, query: Query): Promise<DaemonLogModel> {
  const common = { rules: { unknown: "ignore" }, visitor } as const;
  const levels = logLevelLs.result.parse(await callOperation(web.context, { operation: logLevelLs, raw: {}, ...common }));
  const { lines } = log.result.parse(await callOperation(web.context, { operation: log, raw: query, ...common }));
  return { ...levels, lines };
}

interface DaemonLogProps {
  readonly web: WebContext;
  readonly model: DaemonLogModel;
  readonly query: Query;
  readonly token: string;
  readonly json: string;
}

export const DaemonLogPage: FC<DaemonLogProps> = ({ web, model, query, token, json }) => (
  <Layout web={web} title="Log of the daemon" place="account" json={json} hasDaemonLog>
    <h1 class="page-title">Log of the daemon</h1>
    <div class="stack">
      <Filter model={model} query={query} />
      <Lines lines={model.lines} address={streamAddress(query)} />
      <Section title="What is logged" id="levels">
        <div class="panel padded">
          <p class="facts">
            {model.levels.map(({ module, level, configured }) => (
              <span>
                {module ?? "All others"}: {level}
                {!configured && " (until the next start)"}
              </span>
            ))}
          </p>
          <OperationForm operation={logLevelSet} token={token} button="Change" next={links.daemonLog}>
            <Choice name="level" label="Level" id="set-level" options={[...LOG_LEVELS, "configured"]} value="info" />
            <Choice name="module" label="Of module (empty: all others)" id="set-module" options={["", ...model.modules]} />
          </OperationForm>
        </div>
      </Section>
    </div>
  </Layout>
);

const Filter: FC<{ model: DaemonLogModel; query: Query }> = ({ model, query }) => (
  <form class="form panel padded" method="get" action={links.daemonLog}>
    <Choice name="level" label="At least" id="level" options={["", ...LOG_LEVELS.slice(0, -1)]} value={query["level"]} />
    <Choice name="module" label="Module" id="module" options={["", ...model.modules]} value={query["module"]} />
    <Field name="text" label="Has in it" id="text" isOptional value={query["text"] ?? ""} />
    <Field name="lines" label="Lines" id="lines" type="number" value={query["lines"] ?? "100"} />
    <p class="form-buttons">
      <button type="submit">Show</button>
    </p>
  </form>
);

const TONES: Readonly<Record<string, Tone>> = { error: "bad", warn: "warn" };

/** Oldest first, as in the file: the newest is at the end. */
const Lines: FC<{ lines: readonly LogLineView[]; address: string }> = ({ lines, address }) => (
  <div class="panel">
    <div class="table-frame" tabindex={0} role="region" aria-label="Lines of the log">
      <table>
        <thead>
          <tr>
            <th scope="col">When (UTC)</th>
            <th scope="col">Level</th>
            <th scope="col">Module</th>
            <th scope="col">What</th>
            <th scope="col">Facts</th>
          </tr>
        </thead>
        <tbody data-daemon-log={address}>
          {lines.map(({ time, level, module, message, fields }) => (
            <tr>
              <td class="nowrap">{time.replace("T", " ").replace("Z", "")}</td>
              <td>
                <Badge label={{ text: level, tone: TONES[level] ?? "idle" }} />
              </td>
              <td>{module}</td>
              <td>{message}</td>
              <td class="small">{factsText(fields)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </div>
);

/** Of what comes, as far as the filter wants it. */
function streamAddress(query: Query): string {
  const wanted = Object.entries(query).filter(([name, value]) => ["level", "module", "text"].includes(name) && value !== "");
  return `/api/v1/log?${new URLSearchParams(wanted).toString()}`;
}

const FACTS_LENGTH_MAX = 2_000;

function factsText(fields: Readonly<Record<string, unknown>>): string {
  const text = Object.entries(fields)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
  return text.length <= FACTS_LENGTH_MAX ? text : `${text.slice(0, FACTS_LENGTH_MAX)}…`;
}
