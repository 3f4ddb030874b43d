import type { FC } from "hono/jsx";
import { dputConfiguration, formatPreferences } from "../handlers/index.ts";
import { AppError } from "../runtime/index.ts";
import {
  listPackages,
  nextDistribution,
  type PackagePage,
  type PackageView,
  type ServedDistribution,
  type ServedRepository,
} from "../views/index.ts";
import { aptSourceLineText, aptSourceText, aptSourceTitle, keyringPath } from "./apt-snippets.ts";
import { BuildAgain } from "./build-again.tsx";
import { Movement } from "./distribution-movement.tsx";
import { Layout } from "./layout.tsx";
import { links } from "./links.ts";
import { Ago, Badge, Empty, Section, Snippet } from "./parts.tsx";
import { requireRepository } from "./repository-page.tsx";
import type { WebContext } from "./web-context.ts";

export interface DistributionQuery {
  readonly filter: string | undefined;
  readonly after: string | undefined;
}

export interface DistributionModel extends PackagePage {
  readonly repository: string;
  readonly distribution: ServedDistribution;
  /** Contents of a file for /etc/apt/sources.list.d/, key included. */
  readonly apt_source: string;
  readonly apt_source_line: string;
  /** Contents of a file for /etc/apt/preferences.d/, where a priority is advised. */
  readonly apt_preferences: string | null;
  /** The distribution that packages migrate to. */
  readonly migrates_to: string | null;
  readonly newest_event: number;
}

const PACKAGES_PER_PAGE = 50;

export async function loadDistribution(
  web: WebContext,
  repositoryId: string,
  name: string,
  query: DistributionQuery,
): Promise<DistributionModel> {
  const repository = requireRepository(web, repositoryId);
  const distribution = requireDistribution(repository, name);
  const newestEvent = await web.context.views.events.newestId();
  const page = await listPackages(web.context.views, { repository, distribution, ...query, limit: PACKAGES_PER_PAGE });
  return {
    repository: repository.id,
    distribution,
    ...page,
    apt_source: aptSourceText(web, repository.id, distribution),
    apt_source_line: aptSourceLineText(web, repository.id, distribution),
    apt_preferences:
      distribution.aptPriority === undefined ? null : formatPreferences(web.context.instance.origin, [distribution]),
    migrates_to: nextDistribution(repository, distribution)?.name ?? null,
    newest_event: newestEvent,
  };
}

function requireDistribution(repository: ServedRepository, name: string): ServedDistribution {
  const distribution = repository.distributions.find((candidate) => candidate.name === name);
  if (distribution !== undefined) return distribution;

  throw new AppError({
    kind: "not-found",
    code: "DISTRIBUTION_NOT_FOUND",
    message: `repository ${repository.id} has no distribution ${name.slice(0, 200)}`,
    hint: `See ${links.repository(repository.id)}`,
  });
}

interface DistributionPageProps {
  readonly web: WebContext;
  readonly model: DistributionModel;
  readonly query: DistributionQuery;
  /** Of forms; undefined: nobody is logged in. */
  readonly token: string | undefined;
  readonly json: string;
}

export const DistributionPage: FC<DistributionPageProps> = ({ web, model, query, token, json }) => {
  const { distribution, repository } = model;
  return (
    <Layout web={web} title={distribution.name} place="repositories" json={json} live={{ afterEventId: model.newest_event }}>
      <p class="breadcrumbs">
        <a href={links.repositories}>Repositories</a> / <a href={links.repository(repository)}>{repository}</a>
      </p>
      <div class="page-title">
        <h1>{distribution.name}</h1>
        {distribution.isUploadable && <Badge label={{ text: "Uploadable", tone: "ok" }} />}
        {distribution.isExperimental && <Badge label={{ text: "Experimental", tone: "warn" }} />}
      </div>
      <Facts distribution={distribution} />
      <div class="columns">
        <Packages web={web} model={model} query={query} />
        <aside class="stack" aria-label="How to use this distribution">
          <InstallFrom web={web} model={model} />
          <Movement distribution={distribution} next={model.migrates_to} />
          {token !== undefined && <BuildAgain distribution={distribution} token={token} />}
          {distribution.isUploadable && (
            <Section title="Upload to here" id="upload-to">
              <Snippet title="In ~/.dput.cf" text={dputConfiguration(web.context.instance)} />
              <p class="small muted">
                {distribution.versionSuffix !== undefined && (
                  <>
                    Versions end like <code>{distribution.versionSuffix}</code>.{" "}
                  </>
                )}
                <a href={links.howToUpload}>Step by step</a>
              </p>
            </Section>
          )}
        </aside>
      </div>
    </Layout>
  );
};

const Facts: FC<{ distribution: ServedDistribution }> = ({ distribution }) => (
  <p class="facts">
    <span>
      {distribution.architectures
        .map((architecture) => `${architecture.name}${architecture.isOptional ? " (optional)" : ""}`)
        .join(", ")}
    </span>
    <span>{distribution.components.join(" ")}</span>
    {distribution.migratesTo !== undefined && <span>migrates to {distribution.migratesTo}</span>}
    <span>{distribution.keptVersions === 0 ? "newest version only" : `keeps ${distribution.keptVersions} older versions`}</span>
    {distribution.rollbacks > 0 && <span>{`${distribution.rollbacks} rollback distributions`}</span>}
    {distribution.aptPriority !== undefined && <span>{`APT priority ${distribution.aptPriority} advised`}</span>}
    <a href="#install-from">Install from here</a>
  </p>
);

const InstallFrom: FC<{ web: WebContext; model: DistributionModel }> = ({ web, model }) => (
  <Section title="Install from here" id="install-from">
    <div class="prose">
      <Snippet title={aptSourceTitle(model.distribution.name)} text={model.apt_source} />
      <details>
        <summary>As one line</summary>
        <div class="prose">
          <Snippet
            title="The key, once"
            text={`wget -qO- '${web.context.instance.url}/mini_buildd/api/pub_key/?output=plain' | sudo tee ${keyringPath(web)} >/dev/null`}
          />
          <Snippet title={`/etc/apt/sources.list.d/${model.distribution.name}.list`} text={model.apt_source_line} />
        </div>
      </details>
      {model.apt_preferences !== null && (
        <>
          <Snippet title="/etc/apt/preferences.d/mini-buildd, the advised priority" text={model.apt_preferences} />
          <p class="small">
            <a href={preferencesAddress(model)} download={`${model.distribution.name}.pref`}>
              Download it
            </a>
          </p>
        </>
      )}
    </div>
  </Section>
);

const Packages: FC<{ web: WebContext; model: DistributionModel; query: DistributionQuery }> = ({ web, model, query }) => {
  const address = links.distribution(model.repository, model.distribution.name);
  return (
    <section aria-labelledby="packages-title">
      <div class="section-head">
        <h2 id="packages-title">Packages</h2>
        <form class="filter" role="search" action={address}>
          <label class="visually-hidden" for="q">
            Part of a source package's name
          </label>
          <input type="search" id="q" name="q" value={query.filter ?? ""} placeholder="Source package" />
          <button type="submit">Filter</button>
        </form>
      </div>
      <div class="panel" id="packages" data-part>
        {model.packages.length === 0 ? <NoPackages query={query} address={address} /> : <PackageTable web={web} model={model} />}
        <nav class="pager" aria-label="Pages of packages">
          {query.after !== undefined && <a href={pageAddress(address, query, undefined)}>First</a>}
          {model.next !== null && <a href={pageAddress(address, query, model.next)}>Next</a>}
        </nav>
      </div>
    </section>
  );
};

const PackageTable: FC<{ web: WebContext; model: DistributionModel }> = ({ web, model }) => (
  <div class="table-frame" tabindex={0} role="region" aria-label="Table of packages">
    <table class="stacks">
      <thead>
        <tr>
          <th scope="col">Source package</th>
          <th scope="col">Version</th>
          <th scope="col">Binary packages</th>
          <th scope="col">Added</th>
        </tr>
      </thead>
      <tbody>
        {model.packages.map((source) => (
          <PackageRow web={web} source={source} next={model.migrates_to} />
        ))}
      </tbody>
    </table>
  </div>
);

const PackageRow: FC<{ web: WebContext; source: PackageView; next: string | null }> = ({ web, source, next }) => (
  <tr>
    <th scope="row">
      <a href={links.uploadsOf(source.source)}>{source.source}</a>
      {source.component !== "main" && <span class="muted small"> {source.component}</span>}
    </th>
    <td class="wide">
      {source.upload === null ? source.version : <a href={links.upload(source.upload)}>{source.version}</a>}{" "}
      <a class="small muted" href={source.dsc_path}>
        .dsc
      </a>
      <Rebuilt source={source} />
      {source.older_versions.length > 0 && <span class="small muted"> and {source.older_versions.join(", ")}</span>}
      {next !== null && <span class="small muted">{source.is_migrated === true ? ` also in ${next}` : ` not in ${next}`}</span>}
    </td>
    <td class="wide many">
      {source.binaries.map((binary, index) => (
        <>
          {index > 0 && ", "}
          <span title={binary.description}>{binary.name}</span>{" "}
          <span class="small muted">
            {binary.version === source.version ? "" : `${binary.version} `}
            {binary.architectures.join(" ")}
          </span>
        </>
      ))}
    </td>
    <td class="nowrap">
      <Ago at={source.added_at} now={web.clock.now()} />
    </td>
  </tr>
);

const Rebuilt: FC<{ source: PackageView }> = ({ source: { rebuilt_version: version, rebuild } }) =>
  version === null ? null : (
    <span class="small muted"> rebuilt as {rebuild === null ? version : <a href={links.upload(rebuild)}>{version}</a>}</span>
  );

const NoPackages: FC<{ query: DistributionQuery; address: string }> = ({ query, address }) =>
  query.filter === undefined && query.after === undefined ? (
    <Empty title="No packages yet">
      Here is <a href={links.howToUpload}>how to send one</a>.
    </Empty>
  ) : (
    <Empty title="No such packages">
      <a href={address}>See all packages</a>
    </Empty>
  );

function pageAddress(address: string, query: DistributionQuery, after: string | undefined): string {
  const pairs = Object.entries({ q: query.filter, after }).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return pairs.length === 0 ? address : `${address}?${new URLSearchParams(pairs).toString()}`;
}

function preferencesAddress({ repository, distribution }: DistributionModel): string {
  const chosen = { repositories: repository, codenames: distribution.codename, suites: distribution.suite };
  return `/mini_buildd/api/apt_preferences/?${new URLSearchParams({ output: "plain", ...chosen }).toString()}`;
}
