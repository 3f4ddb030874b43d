import type { FC } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import type { BuildView, EventView, UploadView } from "../operations/index.ts";
import { listEventViews, loadUpload } from "../views/index.ts";
import { BuildPanel } from "./build-panel.tsx";
import { sizeText } from "./durations.ts";
import { EventList } from "./event-list.tsx";
import { Layout } from "./layout.tsx";
import { links } from "./links.ts";
import { loadLogTails, type ShownLog } from "./log-tails.ts";
import { Ago, Badge, Lasting, Section } from "./parts.tsx";
import type { WebContext } from "./web-context.ts";
import { UPLOAD_PATH, uploadLabel } from "./words.ts";

export interface UploadModel {
  readonly upload: UploadView;
  readonly events: readonly EventView[];
  readonly newest_event: number;
}

const EVENTS_SHOWN_MAX = 100;

export async function loadUploadModel(web: WebContext, id: string): Promise<UploadModel> {
  const { views } = web.context;
  const newestEvent = await views.events.newestId();
  const upload = await loadUpload(views, id);
  return { upload, events: await listEventViews(views, { upload: id, limit: EVENTS_SHOWN_MAX }), newest_event: newestEvent };
}

/** The page also shows the ends of logs, which its JSON twin only links. */
export async function renderUploadPage(web: WebContext, model: UploadModel, json: string): Promise<JSX.Element> {
  const logs = await loadLogTails(web, model.upload.builds);
  return <UploadPage web={web} model={model} logs={logs} json={json} />;
}

interface UploadPageProps {
  readonly web: WebContext;
  readonly model: UploadModel;
  readonly logs: ReadonlyMap<string, ShownLog>;
  readonly json: string;
}

const UploadPage: FC<UploadPageProps> = ({ web, model, logs, json }) => {
  const { upload, events } = model;
  const now = web.clock.now();
  const live = { afterEventId: model.newest_event, upload: upload.id };
  return (
    <Layout web={web} title={`${upload.source} ${upload.version}`} place="uploads" json={json} live={live} hasLogs>
      <p class="breadcrumbs">
        <a href={links.uploads}>Uploads</a> / <a href={links.uploadsOf(upload.source)}>{upload.source}</a>
      </p>
      <UploadHead upload={upload} now={now} />
      <div class="stack">
        <Problems upload={upload} />
        <Section title="Builds" id="builds-title">
          <div id="builds" data-list>
            {upload.builds.length === 0 && <NoBuilds upload={upload} />}
            {currentFirst(upload.builds).map((build) => (
              <BuildPanel build={build} log={logs.get(build.id)} now={now} />
            ))}
          </div>
        </Section>
        <div class="columns">
          <Section title="Events" id="events-title">
            <div class="panel">
              <EventList events={events} now={now} id="events" isOfOneUpload />
            </div>
          </Section>
          <Section title="Files" id="files-title">
            <Files upload={upload} />
          </Section>
        </div>
      </div>
    </Layout>
  );
};

const UploadHead: FC<{ upload: UploadView; now: Date }> = ({ upload, now }) => (
  <header id="upload-head" data-part class="upload-head">
    <div class="page-title">
      <h1>
        {upload.source} <span class="version">{upload.version}</span>
      </h1>
      <Badge label={uploadLabel(upload.state)} />
    </div>
    <p class="facts">
      <span>
        for <strong>{upload.distribution}</strong>
      </span>
      <span>
        received <Ago at={upload.received_at} now={now} /> by {upload.channel}
      </span>
      <span>
        {upload.ended_at === null ? "so far " : "took "}
        <Lasting from={upload.received_at} to={upload.ended_at} now={now} />
      </span>
      <span>{upload.signer_fingerprint === null ? "not signed by a known key" : <code>{upload.signer_fingerprint}</code>}</span>
    </p>
    <UploadPath upload={upload} />
  </header>
);

/** Where it is on its way; what ended badly shows where. */
const UploadPath: FC<{ upload: UploadView }> = ({ upload }) => {
  const isOnPath = (UPLOAD_PATH as readonly string[]).includes(upload.state);
  const lastReached = upload.state === "rejected" ? "checking" : upload.builds.length > 0 ? "building" : "received";
  const reached = (UPLOAD_PATH as readonly string[]).indexOf(isOnPath ? upload.state : lastReached);
  return (
    <ol class="path" aria-label="Progress">
      {UPLOAD_PATH.filter((_, index) => isOnPath || index <= reached).map((state, index) => (
        <li
          class={index < reached || upload.state === "installed" ? "past" : undefined}
          {...(state === upload.state && { "aria-current": "step" as const })}
        >
          {uploadLabel(state).text}
        </li>
      ))}
      {!isOnPath && <li aria-current="step">{uploadLabel(upload.state).text}</li>}
    </ol>
  );
};

const Problems: FC<{ upload: UploadView }> = ({ upload }) => (
  <div id="problems" data-part hidden={upload.problems.length === 0}>
    {upload.problems.map((problem) => (
      <div class="callout bad">
        <p>
          <strong>{problem.message}</strong>
        </p>
        {problem.hint !== undefined && <p class="hint">{problem.hint}</p>}
      </div>
    ))}
  </div>
);

const NoBuilds: FC<{ upload: UploadView }> = ({ upload }) => (
  <div class="panel padded muted" id="no-builds">
    {upload.ended_at === null ? "Builds are ordered once the upload has been checked." : "It was not built."}
  </div>
);

const Files: FC<{ upload: UploadView }> = ({ upload }) => (
  <div class="panel padded">
    <ul class="plain-list small">
      <li>{upload.changes_name}</li>
      {upload.files.map((file) => (
        <li>
          {file.name} <span class="muted nowrap">{sizeText(file.size_bytes)}</span>
        </li>
      ))}
    </ul>
  </div>
);

/** By architecture; of each the newest attempt first. */
function currentFirst(builds: readonly BuildView[]): BuildView[] {
  return builds.toSorted((a, b) =>
    a.architecture === b.architecture ? b.attempt - a.attempt : a.architecture < b.architecture ? -1 : 1,
  );
}
