import type { FC } from "hono/jsx";
import { type Operation, operations } from "../operations/index.ts";
import { Layout } from "./layout.tsx";
import { Snippet } from "./parts.tsx";
import type { WebContext } from "./web-context.ts";

/** All calls, with their arguments. */
export const ApiPage: FC<{ web: WebContext }> = ({ web }) => (
  <Layout web={web} title="API" place="api" json="/api/v1/openapi.json">
    <h1 class="page-title">API</h1>
    <p class="facts">
      <span>
        Each call answers at <code>/mini_buildd/api/CALL/?…&output=json</code> as the original's, and at <code>/api/v1/</code>.
      </span>
      <a href="/api/v1/openapi.json">OpenAPI</a>
    </p>
    <div class="stack">
      {operations.map((operation) => (
        <article class="panel padded prose" id={operation.name}>
          <h2>{isLinkable(operation) ? <a href={callAddress(operation)}>{operation.name}</a> : operation.name}</h2>
          <p>{operation.summary}</p>
          {operation.access !== "none" && <p class="muted small">Needs authorization: {operation.access}</p>}
          <Arguments operation={operation} />
        </article>
      ))}
    </div>
  </Layout>
);

const Arguments: FC<{ operation: Operation }> = ({ operation }) => (
  <ul class="plain-list small">
    {Object.entries(operation.parameters).map(([name, parameter]) => (
      <li>
        <code>{name}</code> <span class="muted">({parameter.isRequired ? `${parameter.kind}, required` : parameter.kind})</span>{" "}
        {parameter.summary}
      </li>
    ))}
  </ul>
);

function isLinkable(operation: Operation): boolean {
  return operation.access === "none" && !Object.values(operation.parameters).some((parameter) => parameter.isRequired);
}

function callAddress(operation: Operation): string {
  return `/mini_buildd/api/${operation.name}/`;
}

/** A result in the browser. */
export const ResultPage: FC<{ web: WebContext; operation: Operation; result: unknown }> = ({ web, operation, result }) => (
  <Layout web={web} title={operation.name} place="api">
    <h1 class="page-title">{operation.name}</h1>
    <p class="facts">{operation.summary}</p>
    <Snippet title="Result" text={typeof result === "string" ? result : JSON.stringify(result, null, 2)} />
  </Layout>
);
