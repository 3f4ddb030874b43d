import type { FC } from "hono/jsx";
import type { UploadPage, UploadSummary } from "../views/index.ts";
import { Layout } from "./layout.tsx";
import { links } from "./links.ts";
import { Ago, Badge, Empty, Lasting } from "./parts.tsx";
import type { WebContext } from "./web-context.ts";
import { buildLabel, uploadLabel } from "./words.ts";

export interface UploadsQuery {
  readonly source: string | undefined;
  readonly before: string | undefined;
}

interface UploadsPageProps {
  readonly web: WebContext;
  readonly page: UploadPage;
  readonly query: UploadsQuery;
  readonly json: string;
  readonly newestEvent: number;
}

export const UploadsPage: FC<UploadsPageProps> = ({ web, page, query, json, newestEvent }) => {
  const title = query.source === undefined ? "Uploads" : `Uploads of ${query.source}`;
  const live = query.before === undefined ? { afterEventId: newestEvent } : undefined;
  return (
    <Layout web={web} title={title} place="uploads" json={json} live={live}>
      <div class="section-head">
        <h1>{title}</h1>
        <form class="filter" role="search" action={links.uploads}>
          <label class="visually-hidden" for="source">
            Source package
          </label>
          <input type="search" id="source" name="source" value={query.source ?? ""} placeholder="Source package" />
          <button type="submit">Show</button>
        </form>
      </div>
      <div class="panel">
        <div id="uploads" data-part>
          {page.uploads.length === 0 ? <NoUploads query={query} /> : <UploadTable web={web} uploads={page.uploads} />}
        </div>
        <nav class="pager" aria-label="Pages of uploads">
          {query.before !== undefined && <a href={pageAddress(query, undefined)}>Newest</a>}
          {page.next !== null && <a href={pageAddress(query, page.next)}>Older</a>}
        </nav>
      </div>
    </Layout>
  );
};

const UploadTable: FC<{ web: WebContext; uploads: readonly UploadSummary[] }> = ({ web, uploads }) => (
  <div class="table-frame" tabindex={0} role="region" aria-label="Uploads">
    <table class="stacks">
      <thead>
        <tr>
          <th scope="col">Source package</th>
          <th scope="col">State</th>
          <th scope="col">Distribution</th>
          <th scope="col">Builds</th>
          <th scope="col">Received</th>
          <th scope="col">Took</th>
        </tr>
      </thead>
      <tbody>
        {uploads.map((upload) => (
          <tr>
            <th scope="row">
              <a href={links.upload(upload.id)}>
                {upload.source} {upload.version}
              </a>
            </th>
            <td>
              <Badge label={uploadLabel(upload.state)} />
            </td>
            <td>{upload.distribution}</td>
            <td class="wide">
              {upload.builds.map((build) => (
                <span class="nowrap">
                  <span class="small">{build.architecture}</span> <Badge label={buildLabel(build)} />{" "}
                </span>
              ))}
            </td>
            <td class="nowrap">
              <Ago at={upload.received_at} now={web.clock.now()} />
            </td>
            <td class="nowrap">
              <Lasting from={upload.received_at} to={upload.ended_at} now={web.clock.now()} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

const NoUploads: FC<{ query: UploadsQuery }> = ({ query }) =>
  query.source === undefined ? (
    <Empty title="No uploads yet">
      Here is <a href={links.howToUpload}>how to send one</a>.
    </Empty>
  ) : (
    <Empty title={`No uploads of ${query.source}`}>
      <a href={links.uploads}>See all uploads</a>
    </Empty>
  );

function pageAddress(query: UploadsQuery, before: string | undefined): string {
  const pairs = Object.entries({ source: query.source, before }).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );
  return `${links.uploads}?${new URLSearchParams(pairs).toString()}`;
}
