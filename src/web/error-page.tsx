import type { FC } from "hono/jsx";
import type { ProblemDetails } from "../operations/index.ts";
import { Layout } from "./layout.tsx";
import { links } from "./links.ts";
import type { WebContext } from "./web-context.ts";

export const ErrorPage: FC<{ web: WebContext; problem: ProblemDetails }> = ({ web, problem }) => (
  <Layout web={web} title={problem.status === 404 ? "Not found" : "That did not work"}>
    <h1 class="page-title">{problem.status === 404 ? "Not found" : "That did not work"}</h1>
    <div class={problem.status >= 500 ? "callout bad" : "callout warn"}>
      <p>
        <strong>{problem.detail}</strong>
      </p>
      {problem.hint !== undefined && <p class="hint">{problem.hint}</p>}
    </div>
    <p class="facts">
      <code>{problem.code}</code> <a href={links.activity}>To the activity page</a>
    </p>
  </Layout>
);
