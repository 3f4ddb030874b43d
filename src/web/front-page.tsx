import type { FC } from "hono/jsx";
import { dputConfiguration } from "../handlers/index.ts";
import type { EventView } from "../operations/index.ts";
import { listEventViews, listLiveUploads, type UploadSummary } from "../views/index.ts";
import { BuildProgress } from "./build-progress.tsx";
import { EventList } from "./event-list.tsx";
import { Layout } from "./layout.tsx";
import { links } from "./links.ts";
import { Ago, Badge, Empty, Section, Snippet } from "./parts.tsx";
import type { WebContext } from "./web-context.ts";
import { uploadLabel } from "./words.ts";

export interface FrontModel {
  readonly source: string | null;
  readonly running: readonly UploadSummary[];
  readonly events: readonly EventView[];
  /** `before` of the next page; null: there is none. */
  readonly next: number | null;
  readonly newest_event: number;
}

export interface FrontQuery {
  readonly source: string | undefined;
  readonly before: number | undefined;
  readonly limit: number;
}

/** What runs now and what happened. */
export async function loadFront(web: WebContext, query: FrontQuery): Promise<FrontModel> {
  const { views } = web.context;
  // First: what happens while the rest is read is announced after it, so a live page misses nothing.
  const newestEvent = await views.events.newestId();
  const events = await listEventViews(views, { before: query.before, source: query.source, limit: query.limit + 1 });
  const shown = events.slice(0, query.limit);
  const isFirst = query.before === undefined && query.source === undefined;
  return {
    source: query.source ?? null,
    running: isFirst ? await listLiveUploads(views) : [],
    events: shown,
    next: events.length > query.limit ? (shown.at(-1)?.id ?? null) : null,
    newest_event: newestEvent,
  };
}

export const FrontPage: FC<{ web: WebContext; model: FrontModel; query: FrontQuery; json: string }> = ({
  web,
  model,
  query,
  json,
}) => {
  const isFirst = query.before === undefined && query.source === undefined;
  const title = query.source === undefined ? "Activity" : `Activity of ${query.source}`;
  return (
    <Layout
      web={web}
      title={title}
      place="activity"
      json={json}
      live={query.before === undefined ? { afterEventId: model.newest_event } : undefined}
    >
      <h1 class="page-title">{title}</h1>
      <div class="columns">
        <div class="stack">
          {isFirst && <Running web={web} running={model.running} />}
          <Happened web={web} model={model} query={query} />
        </div>
        <aside class="stack" aria-label="Repositories and uploading">
          <Repositories web={web} />
          <Section title="Send a package" id="send">
            <Snippet title="In ~/.dput.cf" text={dputConfiguration(web.context.instance)} />
            <p class="small muted">
              Then <code>dput mini-buildd-{web.context.instance.identity} …_source.changes</code>.{" "}
              <a href={links.howToUpload}>Step by step</a>
            </p>
          </Section>
        </aside>
      </div>
    </Layout>
  );
};

const Running: FC<{ web: WebContext; running: readonly UploadSummary[] }> = ({ web, running }) => (
  <Section title="Running now" id="running-title">
    <div id="running" data-list>
      {running.length === 0 && (
        <div class="panel" id="running-none">
          <Empty title="Nothing is on its way">Uploads show up here from the moment they are complete.</Empty>
        </div>
      )}
      {running.map((upload) => (
        <UploadCard upload={upload} now={web.clock.now()} />
      ))}
    </div>
  </Section>
);

const UploadCard: FC<{ upload: UploadSummary; now: Date }> = ({ upload, now }) => (
  <article class="panel upload-card" id={`upload-${upload.id}`} data-part>
    <div class="head">
      <h3>
        <a href={links.upload(upload.id)}>
          {upload.source} {upload.version}
        </a>
      </h3>
      <span class="muted small">
        for {upload.distribution}, received <Ago at={upload.received_at} now={now} />
      </span>
      <Badge label={uploadLabel(upload.state)} />
    </div>
    {upload.builds.map((build) => (
      <BuildProgress build={build} now={now} />
    ))}
  </article>
);

const Happened: FC<{ web: WebContext; model: FrontModel; query: FrontQuery }> = ({ web, model, query }) => (
  <Section
    title="What happened"
    id="happened-title"
    aside={query.source !== undefined ? <a href={links.activity}>All packages</a> : undefined}
  >
    <div class="panel">
      {model.events.length === 0 && (
        <div id="no-events" data-part>
          <NothingHappened web={web} isFiltered={query.source !== undefined || query.before !== undefined} />
        </div>
      )}
      <EventList events={model.events} now={web.clock.now()} id="events" />
      <nav class="pager" aria-label="Pages of events" id="events-pager" data-part>
        {query.before !== undefined && <a href={pageAddress(query, undefined)}>Newest</a>}
        {model.next !== null && <a href={pageAddress(query, model.next)}>Older</a>}
      </nav>
    </div>
  </Section>
);

const NothingHappened: FC<{ web: WebContext; isFiltered: boolean }> = ({ isFiltered }) =>
  isFiltered ? (
    <Empty title="No such events">
      <a href={links.activity}>See all events</a>
    </Empty>
  ) : (
    <Empty title="No uploads yet">
      Here is <a href={links.howToUpload}>how to send one</a>.
    </Empty>
  );

const Repositories: FC<{ web: WebContext }> = ({ web }) => {
  const repositories = web.context.views.served();
  return (
    <Section title="Repositories" id="repositories-title">
      <div class="panel padded">
        {repositories.length === 0 && <p class="muted">None yet: declare one in etc/catalog.toml.</p>}
        <ul class="plain-list">
          {repositories.map((repository) => (
            <li>
              <a class="name" href={links.repository(repository.id)}>
                {repository.id}
              </a>{" "}
              <span class="muted small">
                {repository.codenames.join(", ")}, {repository.uploads} uploads
              </span>
            </li>
          ))}
        </ul>
      </div>
    </Section>
  );
};

function pageAddress(query: FrontQuery, before: number | undefined): string {
  const path = query.source === undefined ? links.activity : `${links.activity}${encodeURIComponent(query.source)}/`;
  return before === undefined ? path : `${path}?before=${before}`;
}
