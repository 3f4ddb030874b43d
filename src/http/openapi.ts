import { z } from "zod";
import { type Operation, operations, type Parameter, restPath } from "../operations/index.ts";

/** OpenAPI 3.1 of our own routes, from the registry of operations; beside them live streams and uploads. */
export function openApiDocument(version: string): object {
  return {
    openapi: "3.1.0",
    info: {
      title: "mini-buildd",
      version,
      description: "Builds Debian source packages, and publishes them in signed APT repositories.",
      license: { name: "GPL-3.0-or-later", identifier: "GPL-3.0-or-later" },
    },
    servers: [{ url: "/" }],
    paths: {
      ...Object.fromEntries(operations.map((operation) => [`/api/v1/${restPath(operation)}`, pathItem(operation)])),
      "/api/v1/builds/{source}/{version}/{timecode}/{attempt}/log": buildLogPath(),
      "/upload/{file}": uploadPath(),
    },
    components: {
      schemas: { ProblemDetails: PROBLEM_DETAILS },
      responses: Object.fromEntries(PROBLEMS.map(({ name, description }) => [name, { description, content: PROBLEM_CONTENT }])),
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "An API token: token_create" },
        session: { type: "apiKey", in: "cookie", name: "sessionid", description: "POST with the header x-csrftoken" },
      },
    },
  };
}

const PROBLEM_DETAILS = {
  type: "object",
  description: "RFC 9457. Codes: docs/reference/errors.md",
  properties: {
    type: { type: "string" },
    status: { type: "integer", minimum: 400, maximum: 599 },
    title: { type: "string" },
    detail: { type: "string" },
    instance: { type: "string" },
    code: { type: "string", pattern: "^[A-Z][A-Z0-9_]*$" },
    hint: { type: "string" },
  },
  required: ["type", "status", "title", "detail", "instance", "code"],
  additionalProperties: false,
};
const PROBLEM_CONTENT = { "application/problem+json": { schema: { $ref: "#/components/schemas/ProblemDetails" } } };

interface ProblemResponse {
  readonly status: string;
  readonly name: string;
  readonly description: string;
}

const PROBLEMS: readonly ProblemResponse[] = [
  { status: "400", name: "Invalid", description: "The caller can correct the input" },
  { status: "401", name: "Unauthenticated", description: "Log in, or send a token" },
  { status: "403", name: "Forbidden", description: "Not allowed" },
  { status: "404", name: "NotFound", description: "There is no such thing" },
  { status: "409", name: "Conflict", description: "The state does not allow it now" },
  { status: "429", name: "TooManyRequests", description: "Wait for as long as Retry-After says" },
  { status: "503", name: "Unavailable", description: "May pass" },
  { status: "default", name: "Problem", description: "Anything else" },
];

function problemResponses(): object {
  return Object.fromEntries(PROBLEMS.map(({ status, name }) => [status, { $ref: `#/components/responses/${name}` }]));
}

function pathItem(operation: Operation): object {
  const common = {
    operationId: operation.name,
    summary: operation.summary,
    "x-access": operation.access,
    security: operation.access === "none" ? [{}, { token: [] }, { session: [] }] : [{ token: [] }, { session: [] }],
    responses: { "200": resultResponse(operation), ...problemResponses() },
  };
  if (operation.changesState) return { post: { ...common, requestBody: requestBody(operation) } };
  return {
    get: {
      ...common,
      parameters: Object.entries(operation.parameters).map(([name, parameter]) =>
        queryParameter(name, parameter, operation.example[name]),
      ),
      responses: { ...common.responses, "304": { description: "As If-None-Match says it is known" } },
    },
  };
}

function resultResponse(operation: Operation): object {
  const schema = withoutDialect(z.toJSONSchema(operation.result, { io: "output" }));
  const stream = operation.name === "events" ? { "text/event-stream": { schema: { type: "string" } } } : {};
  const etag = { ETag: { description: "For If-None-Match", schema: { type: "string" } } };
  const link = { Link: { description: 'rel="next": the page after this one', schema: { type: "string" } } };
  const headers = { ...(!operation.changesState && etag), ...(operation.nextPage !== undefined && link) };
  return {
    description: "Result",
    ...(Object.keys(headers).length > 0 && { headers }),
    content: { "application/json": { schema }, ...stream },
  };
}

function queryParameter(name: string, parameter: Parameter, example: string | undefined): object {
  return {
    name,
    in: "query",
    description: parameter.summary,
    required: parameter.isRequired,
    ...(parameter.kind === "list" && { style: "form", explode: false }),
    schema: valueSchema(parameter),
    ...(example !== undefined && { example: exampleValue(parameter, example) }),
  };
}

function requestBody(operation: Operation): object {
  const entries = Object.entries(operation.parameters);
  const schema = {
    type: "object",
    properties: Object.fromEntries(
      entries.map(([name, parameter]) => [name, { ...valueSchema(parameter), description: parameter.summary }]),
    ),
    required: entries.filter(([, parameter]) => parameter.isRequired).map(([name]) => name),
    additionalProperties: false,
  };
  const example = Object.entries(operation.example).map(([name, text]) => {
    const parameter = operation.parameters[name];
    return [name, parameter === undefined ? text : exampleValue(parameter, text)];
  });
  return { content: { "application/json": { schema, example: Object.fromEntries(example) as object } } };
}

function exampleValue(parameter: Parameter, text: string): unknown {
  return parameter.schema.parse(text);
}

function valueSchema(parameter: Parameter): object {
  switch (parameter.kind) {
    case "text":
      return { type: "string", ...(parameter.isRequired && { minLength: 1 }) };
    case "list":
      return { type: "array", items: { type: "string", minLength: 1 } };
    case "flag":
      return { type: "boolean", default: false };
    case "integer":
      return withoutDialect(z.toJSONSchema(parameter.schema, { io: "output" }));
  }
}

/** The whole document says it once. */
function withoutDialect(schema: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== "$schema"));
}

function buildLogPath(): object {
  const names = ["source", "version", "timecode", "attempt"];
  return {
    get: {
      operationId: "build_log",
      summary: "Follow a build's log as it is written",
      parameters: names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
      responses: {
        "200": { description: "Pieces of the log", content: { "text/event-stream": { schema: { type: "string" } } } },
        ...problemResponses(),
      },
    },
  };
}

function uploadPath(): object {
  return {
    put: {
      operationId: "put_file",
      summary: "Upload one file; the .changes last",
      parameters: [{ name: "file", in: "path", required: true, schema: { type: "string" } }],
      requestBody: { content: { "application/octet-stream": {} } },
      responses: { "201": { description: "Taken" }, default: { description: "Refused; the text says why" } },
    },
  };
}
