import type { FC } from "hono/jsx";
import { dputConfiguration } from "../handlers/index.ts";
import { AppError } from "../runtime/index.ts";
import { countPackages, type ServedDistribution, type ServedRepository } from "../views/index.ts";
import { aptSourceText, aptSourceTitle } from "./apt-snippets.ts";
import { Layout } from "./layout.tsx";
import { links } from "./links.ts";
import { Badge, Section, Snippet } from "./parts.tsx";
import type { WebContext } from "./web-context.ts";

export interface RepositoryModel {
  readonly repository: ServedRepository;
  /** Source package versions, by distribution. */
  readonly package_counts: Readonly<Record<string, number>>;
  /** Contents of a file for /etc/apt/sources.list.d/, key included, by distribution. */
  readonly apt_sources: Readonly<Record<string, string>>;
  readonly dput_cf: string;
}

export async function loadRepository(web: WebContext, id: string): Promise<RepositoryModel> {
  const repository = requireRepository(web, id);
  const counts = await countPackages(
    web.context.views,
    repository.distributions.map((distribution) => distribution.name),
  );
  const sources = repository.distributions.map(
    (distribution) => [distribution.name, aptSourceText(web, repository.id, distribution)] as const,
  );
  return {
    repository,
    package_counts: Object.fromEntries(counts),
    apt_sources: Object.fromEntries(sources),
    dput_cf: dputConfiguration(web.context.instance),
  };
}

/** Throws REPOSITORY_NOT_FOUND. */
export function requireRepository(web: WebContext, id: string): ServedRepository {
  const repository = web.context.views.served().find((candidate) => candidate.id === id);
  if (repository !== undefined) return repository;

  throw new AppError({
    kind: "not-found",
    code: "REPOSITORY_NOT_FOUND",
    message: `there is no repository ${id.slice(0, 100)}`,
    hint: `See ${links.repositories}`,
  });
}

export const RepositoryPage: FC<{ web: WebContext; model: RepositoryModel; json: string }> = ({ web, model, json }) => {
  const { repository } = model;
  return (
    <Layout web={web} title={`Repository ${repository.id}`} place="repositories" json={json}>
      <p class="breadcrumbs">
        <a href={links.repositories}>Repositories</a>
      </p>
      <h1 class="page-title">{repository.id}</h1>
      <p class="facts">
        {repository.description !== undefined && <span>{repository.description}</span>}
        <span>layout {repository.layout}</span>
        <span>{repository.uploads === "signed" ? "uploads need a known signature" : "takes unsigned uploads"}</span>
        <a href={`/repositories/${repository.id}/`}>Files</a>
      </p>
      <div class="columns">
        <div class="stack">
          {repository.codenames.map((codename) => (
            <Section title={codename} id={`codename-${codename}`}>
              <Distributions model={model} codename={codename} />
            </Section>
          ))}
        </div>
        <aside class="stack" aria-label="How to use this repository">
          <InstallFrom model={model} />
          <UploadTo model={model} />
        </aside>
      </div>
    </Layout>
  );
};

const Distributions: FC<{ model: RepositoryModel; codename: string }> = ({ model, codename }) => (
  <div class="panel">
    <div class="table-frame" tabindex={0} role="region" aria-label={`Distributions of ${codename}`}>
      <table class="stacks">
        <thead>
          <tr>
            <th scope="col">Distribution</th>
            <th scope="col">Kind</th>
            <th scope="col">Migrates to</th>
            <th scope="col">Architectures</th>
            <th scope="col">Source versions</th>
          </tr>
        </thead>
        <tbody>
          {model.repository.distributions
            .filter((distribution) => distribution.codename === codename)
            .map((distribution) => (
              <DistributionRow model={model} distribution={distribution} />
            ))}
        </tbody>
      </table>
    </div>
  </div>
);

const DistributionRow: FC<{ model: RepositoryModel; distribution: ServedDistribution }> = ({ model, distribution }) => (
  <tr>
    <th scope="row">
      <a href={links.distribution(model.repository.id, distribution.name)}>{distribution.name}</a>
    </th>
    <td>
      {distribution.isUploadable && <Badge label={{ text: "Uploadable", tone: "ok" }} />}{" "}
      {distribution.isExperimental && <Badge label={{ text: "Experimental", tone: "warn" }} />}
    </td>
    <td data-label={distribution.migratesTo === undefined ? undefined : "migrates to"}>{distribution.migratesTo ?? ""}</td>
    <td>{distribution.architectures.map((architecture) => architecture.name).join(", ")}</td>
    <td data-label="source versions:">{model.package_counts[distribution.name] ?? 0}</td>
  </tr>
);

/** One is open: where there is something to install. */
const InstallFrom: FC<{ model: RepositoryModel }> = ({ model }) => {
  const { distributions } = model.repository;
  const first = distributions.find(({ name }) => (model.package_counts[name] ?? 0) > 0) ?? distributions[0];
  return (
    <Section title="Install from here" id="install-from">
      <div class="prose">
        {distributions.map(({ name }) => (
          <details open={name === first?.name}>
            <summary>{name}</summary>
            <Snippet title={aptSourceTitle(name)} text={model.apt_sources[name] ?? ""} />
          </details>
        ))}
      </div>
    </Section>
  );
};

const UploadTo: FC<{ model: RepositoryModel }> = ({ model }) => (
  <Section title="Upload to here" id="upload-to">
    <Snippet title="In ~/.dput.cf" text={model.dput_cf} />
    <p class="small muted">
      The distribution in debian/changelog says where to. <a href={links.howToUpload}>Step by step</a>
    </p>
  </Section>
);
