import type { FC } from "hono/jsx";
import type { ServedRepository } from "../views/index.ts";
import { Layout } from "./layout.tsx";
import { links } from "./links.ts";
import { Empty } from "./parts.tsx";
import type { WebContext } from "./web-context.ts";

export const RepositoriesPage: FC<{ web: WebContext; repositories: readonly ServedRepository[]; json: string }> = ({
  web,
  repositories,
  json,
}) => (
  <Layout web={web} title="Repositories" place="repositories" json={json}>
    <h1 class="page-title">Repositories</h1>
    <p class="facts">Signed APT repositories of this instance.</p>
    <div class="stack">
      {repositories.length === 0 && (
        <div class="panel">
          <Empty title="No repository yet">
            Declare one in etc/catalog.toml, then run <code>mini-buildd apply</code>.
          </Empty>
        </div>
      )}
      {repositories.map((repository) => (
        <article class="panel padded">
          <div class="section-head">
            <h2>
              <a href={links.repository(repository.id)}>{repository.id}</a>
            </h2>
            <span class="muted small">{repository.uploads === "signed" ? "takes signed uploads" : "takes unsigned uploads"}</span>
          </div>
          {repository.description !== undefined && <p>{repository.description}</p>}
          <p class="muted">
            {repository.codenames.join(", ")}; suites {suiteNames(repository).join(", ")}
          </p>
        </article>
      ))}
    </div>
  </Layout>
);

function suiteNames(repository: ServedRepository): string[] {
  return [...new Set(repository.distributions.map((distribution) => distribution.suite))];
}
